//! `./dev fuzz otlp`: see [`gatewatch_fuzz::otlp`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gatewatch_fuzz::otlp(bytes));
