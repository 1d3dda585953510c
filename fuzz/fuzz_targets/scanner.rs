//! `./dev fuzz scanner`: see [`gatewatch_fuzz::scanner`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::scanner(bytes));
