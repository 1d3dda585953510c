//! What is staged in the demo, so that one can see the threat model at work?
//!
//! A policy loses its token check, a function goes anonymous and a caller goes past the gateway; some
//! minutes later all of it is undone. The Activity log tells who wrote each; the files of the
//! configuration follow, as [`Step::weakness`] says.

use std::time::Duration;

use crate::clock::Timestamp;

use super::activity_log::{INTRUDER, OPERATOR, Operation};
use super::configured::{GOES_ANONYMOUS, Weakness};
use super::fleet::{Fleet, NOTIFY, ORDERS, attacker};
use super::packer::{Message, Packer};
use super::rng::Rng;
use super::stage::{Call, Stage, path_of};
use super::weeks::Calendar;

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the demo's start.
    pub after: Duration,
    /// What is undone of the configuration from then on.
    pub weakness: Weakness,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Policy(bool),
    Function(bool),
    Bypass,
}

const SOUND: Weakness = Weakness { token_unchecked: false, anonymous: false };
const NO_TOKEN: Weakness = Weakness { token_unchecked: true, anonymous: false };
const BOTH: Weakness = Weakness { token_unchecked: true, anonymous: true };

/// Everything that happens, in order.
pub const SCENE: [Step; 5] = [
    Step { after: Duration::from_mins(1), weakness: NO_TOKEN, what: What::Policy(true) },
    Step { after: Duration::from_secs(90), weakness: BOTH, what: What::Function(true) },
    Step { after: Duration::from_mins(2), weakness: BOTH, what: What::Bypass },
    Step {
        after: Duration::from_mins(6),
        weakness: Weakness { token_unchecked: false, anonymous: true },
        what: What::Policy(false),
    },
    Step { after: Duration::from_mins(7), weakness: SOUND, what: What::Function(false) },
];

impl Step {
    /// Returns what the fleet writes of it at `at`.
    pub fn play(&self, seed: u64, at: Timestamp) -> Vec<Message> {
        let mut rng = Rng::new(seed, 9);
        let mut stage = Stage {
            fleet: Fleet::new(seed),
            packer: Packer::new(seed, at, false),
            scratch: String::new(),
            quiet: Vec::new(),
            calendar: Calendar::default(),
        };
        let operation =
            |actor, action, resource, app| Operation { at, actor, action, resource, app, old_form: false, body: "" };
        match self.what {
            What::Policy(weaker) => {
                let actor = if weaker { &INTRUDER } else { &OPERATOR };
                let resource = "Microsoft.ApiManagement/service/apim-shop/apis/orders/policies/policy";
                let action = "Microsoft.ApiManagement/service/apis/policies/write";
                stage.operate(&operation(actor, action, resource, ORDERS), &mut rng);
            }
            What::Function(weaker) => {
                let actor = if weaker { &INTRUDER } else { &OPERATOR };
                let resource = format!("Microsoft.Web/sites/{}/functions/{}", GOES_ANONYMOUS.0, GOES_ANONYMOUS.1);
                stage.operate(&operation(actor, "Microsoft.Web/sites/functions/write", &resource, NOTIFY), &mut rng);
            }
            What::Bypass => {
                for nth in 0..3 {
                    let at = at.plus(Duration::from_secs(nth));
                    let path = path_of(ORDERS, 1, &mut rng);
                    stage.direct(
                        &Call { agent: "curl/8.9.1", ..Call::of(at, ORDERS, 1, &path, attacker(44)) },
                        &mut rng,
                    );
                }
            }
        }
        stage.packer.finish();
        std::iter::from_fn(|| stage.packer.take()).collect()
    }
}
