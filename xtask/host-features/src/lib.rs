//! Gives the parser of all macros the same features in each step of CI.
//!
//! Cargo compiles a crate once for each set of features that something asks for. A crate that is
//! checked with few features brings few macros, which ask the parser for fewer of its own: the
//! parser, the macros and all that uses them would be compiled anew for each set of ours.
//! `cargo xtask ci` names this crate beside the one that it checks, and `xtask` itself depends on
//! it. It holds no code.
