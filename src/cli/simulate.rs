//! `gatewatch simulate`: labelled telemetry on stdout.

use std::io::{BufWriter, Write};
use std::process::ExitCode;

use crate::simulate::{Options, UnknownAttack, Weeks, World};

use super::args::Simulate;
use super::talk::{Failure, print, stdout};

/// Writes the world's messages, one a line, and its labels where asked.
pub fn simulate(options: &Simulate) -> Result<ExitCode, Failure> {
    if options.list {
        let short = options.weeks.is_none();
        for attack in if short { crate::simulate::catalogue() } else { crate::simulate::weeks_catalogue() } {
            print(&format!("{:<34} {:<19} {}\n", attack.name, attack.family, attack.says))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let world = world(options).map_err(|error| Failure::Usage(error.to_string()))?;
    if let Some(path) = &options.labels {
        let labels = serde_json::to_vec_pretty(&world.labels()).map_err(|error| Failure::Io(error.to_string()))?;
        std::fs::write(path, labels)
            .map_err(|error| Failure::Io(format!("{} could not be written: {error}", path.display())))?;
    }
    let mut out = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
    for message in world {
        let written = out.write_all(&message.bytes).and_then(|()| out.write_all(b"\n"));
        match written {
            Ok(()) => {}
            // The reader has enough, as with `| head`.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            Err(error) => return Err(stdout(&error)),
        }
    }
    out.flush().map_err(|error| stdout(&error))?;
    Ok(ExitCode::SUCCESS)
}

fn world(options: &Simulate) -> Result<World, UnknownAttack> {
    let &Simulate { seed, start, duration, rate, weeks, clean, .. } = options;
    let attacks = options.attacks.clone();
    match weeks {
        Some(weeks) => World::of_weeks(Weeks { seed, start, weeks, attacks, clean }),
        None => World::new(Options { seed, start, duration, rate, attacks, clean }),
    }
}
