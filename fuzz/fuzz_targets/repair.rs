//! `./dev fuzz repair`: see [`gatewatch_fuzz::repair`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::repair(bytes));
