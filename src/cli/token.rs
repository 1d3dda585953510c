//! `gatewatch token`: who may come in.

use std::process::ExitCode;

use crate::access::{Role, Tokens};
use crate::clock::Clock;

use super::args::{DataFolder, Token};
use super::talk::{Failure, print, say};

/// Makes, lists or revokes tokens.
pub fn token(command: &Token) -> Result<ExitCode, Failure> {
    match command {
        Token::Create(options) => {
            let Some(role) = Role::ALL.into_iter().find(|role| role.name() == options.role) else {
                let roles: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
                return Err(Failure::Usage(format!(
                    "`{}` is no role: choose one of {}",
                    options.role,
                    roles.join(", ")
                )));
            };
            let made = tokens(&options.data)?.create(&options.name, role, Clock::system().now()).map_err(failed)?;
            say(&format!(
                "Token {} for {} ({}). It is shown this once; only its hash is kept.",
                made.id,
                options.name,
                role.name()
            ));
            print(&format!("{}\n", made.token))?;
        }
        Token::List(data) => {
            let list = tokens(data)?.list().map_err(failed)?;
            if list.is_empty() {
                say("There are no tokens. Make one with: gatewatch token create NAME");
            }
            for token in list {
                print(&format!(
                    "{:<12} {:<9} {:<20} {}\n",
                    token.id,
                    token.role.name(),
                    token.created.to_string(),
                    token.name
                ))?;
            }
        }
        Token::Revoke(options) => {
            if !tokens(&options.data)?.revoke(&options.id).map_err(failed)? {
                return Err(Failure::Usage(format!("there is no token `{}`: see gatewatch token list", options.id)));
            }
            say(&format!("Token {} is revoked; a running daemon refuses it within a second.", options.id));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tokens(data: &DataFolder) -> Result<Tokens, Failure> {
    super::setup::folder(&data.data)?;
    Tokens::open(data.data.join(super::setup::TOKENS)).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn failed(error: crate::access::TokensError) -> Failure {
    Failure::Io(error.to_string())
}
