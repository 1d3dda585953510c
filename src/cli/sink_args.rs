//! The command line of `sinks`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

use super::args::DataFolder;

/// `gatewatch sinks`.
#[derive(Debug, Subcommand)]
pub enum Sinks {
    /// Print what a sink would be sent about an alert; sends nothing.
    Preview(SinksOne),
    /// Send a made-up alert to a sink, and say what came back; exits 1 if it did not arrive.
    Test(SinksOne),
    /// List what was sent where, at which attempt, what came back, how long it took, and what is tried again when.
    Deliveries(SinksDeliveries),
}

/// Which sink.
#[derive(Debug, ClapArgs)]
pub struct SinksOne {
    /// The sink's name, as the configuration has it.
    pub sink: String,
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "gatewatch.toml")]
    pub config: PathBuf,
}

/// `gatewatch sinks deliveries`.
#[derive(Debug, ClapArgs)]
pub struct SinksDeliveries {
    /// Only to this sink.
    #[arg(long, value_name = "NAME")]
    pub sink: Option<String>,
    /// Only about this alert: its id, or its first eight digits or more.
    #[arg(long, value_name = "ID", value_parser = digits)]
    pub alert: Option<String>,
    /// Only those that wait or were refused.
    #[arg(long)]
    pub failing: bool,
    /// Lines at most, the newest first.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// One JSON object a line instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub data: DataFolder,
}

/// Reads an alert's id, or what it begins with.
fn digits(text: &str) -> Result<String, String> {
    let fits = (8..=16).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let says = "write an alert's id, or its first eight digits or more, as `gatewatch alerts list` shows them";
    if fits { Ok(text.to_ascii_lowercase()) } else { Err(says.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_named_by_eight_digits_or_more() {
        assert_eq!(digits("0A1b2c3D").as_deref(), Ok("0a1b2c3d"));
        assert_eq!(digits("0a1b2c3d4e5f6071").as_deref(), Ok("0a1b2c3d4e5f6071"));
        for wrong in ["", "0a1b2c3", "nonsense", "0a1b2c3d4e5f60718"] {
            assert!(digits(wrong).is_err_and(|says| says.contains("first eight digits")), "{wrong}");
        }
    }
}
