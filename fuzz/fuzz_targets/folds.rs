//! `./dev fuzz folds`: see [`gatewatch_fuzz::folds`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::folds(bytes));
