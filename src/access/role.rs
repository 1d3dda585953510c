//! What somebody may do: viewers read, operators act on alerts, admins do everything people do;
//! `ingest` is for programs that send records and may do nothing else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the holder of a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sends records, sees nothing.
    Ingest,
    /// Reads pages and the API; what is shown is redacted.
    Viewer,
    /// Also acknowledges and closes alerts.
    Operator,
    /// Also sees what others did.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Viewer, Self::Operator, Self::Admin];

    /// Returns the role's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Tells whether this role may do what `needed` may.
    pub const fn may(self, needed: Self) -> bool {
        match (self, needed) {
            (Self::Ingest, Self::Ingest) => true,
            (Self::Ingest, _) | (_, Self::Ingest) => false,
            _ => self.rank() >= needed.rank(),
        }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Ingest => 0,
            Self::Viewer => 1,
            Self::Operator => 2,
            Self::Admin => 3,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("there is no role `{text}`: use viewer, operator, admin or ingest"))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's name, or `local`.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Identity {
    /// Returns whoever sits at this machine, where no tokens were made.
    pub fn local() -> Self {
        Self { name: "local".into(), role: Role::Operator }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_lesser_roles_may_and_ingest_stands_apart() {
        let may = |role: Role| Role::ALL.into_iter().filter(|&needed| role.may(needed)).collect::<Vec<_>>();
        assert_eq!(may(Role::Ingest), [Role::Ingest]);
        assert_eq!(may(Role::Viewer), [Role::Viewer]);
        assert_eq!(may(Role::Operator), [Role::Viewer, Role::Operator]);
        assert_eq!(may(Role::Admin), [Role::Viewer, Role::Operator, Role::Admin]);
    }

    #[test]
    fn a_role_reads_back_as_it_is_written() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().contains("operator"));
    }
}
