//! Who may do what, through every door of the server, and what attackers get.

mod attacks;
mod proxies;
mod rights;
mod scene;
