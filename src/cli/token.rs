//! `gatewatch token`: who may come in.

use std::path::Path;
use std::process::ExitCode;

use crate::access::{Role, Tokens};
use crate::clock::Clock;

use super::args::{DataFolder, Token, TokenCreate};
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
            let made = to_make(options)?.create(&options.name, role, Clock::system().now()).map_err(failed)?;
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
                let data = data.data.display();
                say(&format!(
                    "There are no tokens in {data}. Make one with: gatewatch token create NAME --data {data}"
                ));
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
                let (id, data) = (&options.id, options.data.data.display());
                return Err(Failure::Usage(format!(
                    "there is no token `{id}`: see gatewatch token list --data {data}"
                )));
            }
            say(&format!("Token {} is revoked; a running daemon refuses it within a second.", options.id));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the tokens of a daemon that has run, or has tokens.
fn tokens(data: &DataFolder) -> Result<Tokens, Failure> {
    let data = &data.data;
    may_look(data)?;
    if !is_a_daemon_s(data) {
        return Err(Failure::Usage(format!(
            "no Gatewatch has its data in {}: name the folder of the daemon that is meant with --data DIR; its \
             configuration has it as `data`",
            data.display()
        )));
    }
    Tokens::open(data.join(super::setup::TOKENS)).map_err(failed)
}

/// Returns the tokens that one more is made for: also of a daemon that is to run in a folder that somebody has made for it.
fn to_make(options: &TokenCreate) -> Result<Tokens, Failure> {
    let data = &options.data.data;
    may_look(data)?;
    if options.new {
        super::setup::folder(data)?;
    } else if !is_a_daemon_s(data) && !is_empty(data) {
        return Err(Failure::Usage(format!(
            "no Gatewatch has its data in {0}, so a token made there would work nowhere: name the folder of the daemon \
             that is meant with --data DIR (its configuration has it as `data`), or make a new one of {0} with --new",
            data.display()
        )));
    }
    Tokens::open(data.join(super::setup::TOKENS)).map_err(failed)
}

/// Says as whom to do it, if this user may not look into the folder.
fn may_look(data: &Path) -> Result<(), Failure> {
    match std::fs::read_dir(data) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Err(Failure::Io(format!(
            "{} can't be looked into: {error}. Run this as the user that the daemon runs as",
            data.display()
        ))),
        _ => Ok(()),
    }
}

fn is_a_daemon_s(data: &Path) -> bool {
    [crate::store::KEY_FILE, crate::store::DATABASE, super::setup::TOKENS].iter().any(|file| data.join(file).exists())
}

fn is_empty(data: &Path) -> bool {
    // A disk of its own has a folder for what is found of lost files; a token that could not be made has left its lock.
    let ours = |name: &std::ffi::OsStr| name != "lost+found" && name != "tokens.lock";
    std::fs::read_dir(data).is_ok_and(|files| !files.flatten().any(|file| ours(&file.file_name())))
}

#[expect(clippy::needless_pass_by_value, reason = "it is the whole of a `map_err`")]
fn failed(error: crate::access::TokensError) -> Failure {
    Failure::Io(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(data: &Path, new: bool) -> Result<ExitCode, Failure> {
        let data = DataFolder { data: data.to_owned() };
        token(&Token::Create(TokenCreate { name: "dana".into(), role: "viewer".into(), data, new }))
    }

    #[test]
    fn no_token_is_made_that_no_daemon_will_know_and_no_folder_that_was_not_meant() {
        let folder = tempfile::tempdir().unwrap();
        let (mistyped, others) = (folder.path().join("typo"), folder.path().join("others"));
        std::fs::create_dir(&others).unwrap();
        std::fs::write(others.join("notes.txt"), "").unwrap();
        for data in [&mistyped, &others] {
            let refused = made(data, false).unwrap_err();
            let says = refused.says();
            assert!(says.contains("--data DIR") && says.contains("--new"), "{says}");
            let listed = token(&Token::List(DataFolder { data: data.clone() })).unwrap_err();
            assert!(listed.says().contains("no Gatewatch has its data in"), "{}", listed.says());
            assert!(!data.join(super::super::setup::TOKENS).exists());
        }
        assert!(!mistyped.exists());
        assert!(made(&mistyped, true).is_ok());
        assert!(token(&Token::List(DataFolder { data: mistyped })).is_ok());
        let volume = folder.path().join("volume");
        std::fs::create_dir(&volume).unwrap();
        assert!(made(&volume, false).is_ok(), "a folder made for it, as volumes are");
    }
}
