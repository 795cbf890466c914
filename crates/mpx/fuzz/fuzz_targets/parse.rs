//! The parser under libFuzzer. What has to hold, the tests of the crate hold it to as well.
#![no_main]

#[path = "../../tests/suite/protocol/law.rs"]
mod law;

libfuzzer_sys::fuzz_target!(|input: &[u8]| law::check(input));
