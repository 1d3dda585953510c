//! The `gatewatch` binary: all it does is hand over to [`gatewatch::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gatewatch::cli::main()
}
