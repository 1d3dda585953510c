//! `gatewatch api`: the document of the HTTP API.

use std::process::ExitCode;

use super::talk::{Failure, print_while_read};

/// Prints it.
pub fn api() -> Result<ExitCode, Failure> {
    print_while_read(crate::dashboard::openapi())?;
    print_while_read(b"\n")?;
    Ok(ExitCode::SUCCESS)
}
