//! What every sink that speaks HTTP must stand: receivers that are down, slow, overloaded or not who
//! they say, a proxy, a private authority. Nothing is lost, nothing overtakes, and what comes twice
//! comes under the same key.

use std::time::Duration;

use gatewatch::clock::Clock;
use gatewatch::sinks::{AnySink, Login, Reach, RenderedDelivery, Webhook};

use crate::identity::Identity;
use crate::made::{acknowledged, closed, inside, opened, outlet, texts};
use crate::outbox::{Outbox, outcomes};
use crate::receiver::{Judge, Proxy, Receiver, Request, Trouble};
use crate::{alertmanager, chat, pagerduty, sentinel};

fn webhook(url: &str, reach: &Reach) -> AnySink {
    AnySink::Webhook(Box::new(Webhook::new(url, reach, None, Some("made-up"), None, Clock::system()).unwrap()))
}

fn judge_webhook(request: &Request) -> Result<(u16, String), String> {
    let signed = ["webhook-id", "webhook-timestamp", "webhook-signature", "idempotency-key"];
    let missing = signed.iter().find(|name| !request.headers.contains_key(**name));
    missing.map_or(Ok((200, String::new())), |name| Err(format!("no {name}")))
}

fn judge_alertmanager(request: &Request) -> Result<(u16, String), String> {
    request.json().as_array().map(|_| (200, String::new())).ok_or_else(|| "no array".into())
}

/// Opens a sink at an address; that where Sentinel's tokens come from is the second.
type Opened = fn(&str, &str, &Reach) -> AnySink;

/// Each sink that speaks HTTP, with its judge.
fn sinks() -> Vec<(&'static str, Judge, Opened)> {
    vec![
        ("webhook", judge_webhook, |at, _, reach| webhook(&format!("{at}/hook"), reach)),
        ("slack", chat::judge_slack, |at, _, reach| chat::slack(&format!("{at}/services/secret-path"), reach, texts())),
        ("teams", chat::judge_teams, |at, _, reach| {
            chat::teams(&format!("{at}/workflows/secret-path"), reach, texts())
        }),
        ("pagerduty", pagerduty::judge, |at, _, reach| pagerduty::pagerduty(&format!("{at}/v2/enqueue"), reach)),
        ("alertmanager", judge_alertmanager, |at, _, reach| alertmanager::sink(at, reach, Login::None)),
        ("sentinel", sentinel::judge_rows, sentinel::sentinel_at),
    ]
}

/// Where tokens come from that never fails.
fn tokens() -> String {
    Receiver::start(sentinel::judge_token).url("")
}

/// Takes anything, and gives a token to who asks for one.
fn taking(request: &Request) -> Result<(u16, String), String> {
    if request.path.contains("oauth2") { sentinel::judge_token(request) } else { Ok((200, String::new())) }
}

/// What every sink can send.
const PAYLOAD: &str = r#"{"over":false,"labels":{"gatewatch_id":"1"}}"#;

#[test]
fn whatever_happens_to_a_receiver_nothing_is_lost_and_nothing_overtakes() {
    let trouble = [
        Trouble::Status(500),
        Trouble::ComeBackIn(5),
        Trouble::Silence,
        Trouble::HangUp,
        Trouble::Status(302),
        Trouble::Status(503),
        Trouble::Status(403),
        Trouble::Status(404),
        Trouble::TakeAndHangUp,
    ];
    for (name, judge, sink) in sinks() {
        let receiver = Receiver::start(judge).first(&trouble);
        let reach = Reach { timeout: Duration::from_secs(1), ..inside() };
        let mut outbox = Outbox::new(vec![outlet(sink(&receiver.url(""), &tokens(), &reach))], Vec::new());
        for transition in [opened(1), acknowledged(1), closed(1)] {
            outbox.tell(&[transition]);
        }
        let settled = outbox.deliver();
        let outcomes = outcomes(&settled);
        let first = outcomes[0].0;
        // A machine that is busy may miss the second that is left for an answer: one more attempt.
        let failed = outcomes.iter().take_while(|(key, word)| *key == first && *word == "retried").count();
        assert!(failed >= trouble.len(), "{name}: {settled:?}");
        assert!(outcomes.iter().all(|(_, word)| *word != "refused"), "{name}: {settled:?}");
        let delivered: Vec<&str> =
            outcomes.iter().filter(|(_, word)| *word == "delivered").map(|(key, _)| *key).collect();
        assert_eq!(delivered.len(), 3, "{name}: {settled:?}");
        let bodies: Vec<String> = receiver.taken().into_iter().map(|one| one.body).collect();
        assert!(bodies.len() >= 4 && receiver.came() >= trouble.len() + 3, "{name}");
        let attempts: Vec<&str> = outcomes.iter().map(|(key, _)| *key).collect();
        assert!(attempts.is_sorted_by_key(|key| delivered.iter().position(|one| one == key)), "{name}: {attempts:?}");
    }
}

#[test]
fn what_comes_twice_comes_under_the_same_key() {
    let receiver = Receiver::start(judge_webhook).first(&[Trouble::TakeAndHangUp]);
    let mut outbox = Outbox::new(vec![outlet(webhook(&receiver.url("/hook"), &inside()))], Vec::new());
    outbox.tell(&[opened(1)]);
    outbox.deliver();
    let taken = receiver.taken();
    assert_eq!((taken.len(), &taken[0].body), (2, &taken[1].body));
    assert_eq!(taken[0].headers["webhook-id"], "0000000000000001:1");
    assert_eq!(taken[0].headers["webhook-id"], taken[1].headers["webhook-id"]);
}

/// Sends one text, once; returns what went wrong.
fn once(sink: &AnySink, payload: &str) -> Result<String, String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let delivery = RenderedDelivery { key: "k:1", payload };
    runtime.block_on(sink.deliver(&delivery)).map_err(|error| error.to_string())
}

#[test]
fn each_sink_comes_back_when_it_is_asked_to_and_not_before() {
    for (name, judge, sink) in sinks() {
        let receiver = Receiver::start(judge).first(&[Trouble::ComeBackIn(700)]);
        let mut outbox = Outbox::new(vec![outlet(sink(&receiver.url(""), &tokens(), &inside()))], Vec::new());
        let before = Clock::system().now();
        outbox.tell(&[opened(1)]);
        let settled = outbox.deliver();
        let words: Vec<_> = outcomes(&settled).iter().map(|(_, word)| *word).collect();
        assert_eq!(words, ["retried", "delivered"], "{name}: {settled:?}");
        let again = settled[0].again.unwrap();
        let waits = again.since(before);
        assert!((700..1_000).contains(&waits.as_secs()), "{name}: without that it is a second: {waits:?}");
        assert!(settled[0].failure.as_ref().unwrap().contains("429"), "{name}: {settled:?}");
    }
}

#[test]
fn a_receiver_that_is_down_is_tried_again_until_it_is_up() {
    for (name, judge, sink) in sinks() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut outbox = Outbox::new(
            vec![outlet(sink(&format!("http://localhost:{}", address.port()), &tokens(), &inside()))],
            Vec::new(),
        );
        outbox.tell(&[opened(1)]);
        let down = outbox.attempt();
        assert_eq!(outcomes(std::slice::from_ref(&down))[0].1, "retried", "{name}: {down:?}");
        let says = down.failure.unwrap();
        assert!(says.contains("can't be reached") && !says.contains("secret-path"), "{name}: {says}");
        let receiver = Receiver::start_at(judge, address);
        let settled = outbox.deliver();
        assert_eq!(outcomes(&settled).last().unwrap().1, "delivered", "{name}: {settled:?}");
        assert_eq!(receiver.taken().len(), 1, "{name}");
    }
}

#[test]
fn a_private_authority_is_trusted_where_it_is_named_and_nowhere_else() {
    let (identity, other) = (Identity::new(), Identity::new());
    let with = |ca_file| Reach { ca_file, ..inside() };
    for (name, _, sink) in sinks() {
        let receiver = Receiver::start_tls(taking, &identity);
        let at = receiver.url("");
        let sink = |reach: &Reach| sink(&at, &at, reach);
        let taken = once(&sink(&with(Some(identity.authority()))), PAYLOAD);
        assert!(taken.is_ok(), "{name}: {taken:?}");
        let came = receiver.came();
        for reach in [with(None), with(Some(other.authority()))] {
            let failed = once(&sink(&reach), PAYLOAD).unwrap_err();
            assert!(failed.contains("can't be reached") && failed.contains("certificate"), "{name}: {failed}");
            assert!(!failed.contains("secret-path"), "{name}: {failed}");
        }
        assert_eq!(receiver.came(), came, "{name}: nothing is said to who can't be known");
    }
    assert!(identity.folder().is_dir());
}

#[test]
fn a_proxy_is_gone_through_to_a_receiver_with_a_private_authority() {
    let identity = Identity::new();
    for (name, _, sink) in sinks() {
        let receiver = Receiver::start_tls(taking, &identity);
        let proxy = Proxy::start(receiver.address);
        // The proxy was chosen, so it may be anywhere; where the name leads is its to know.
        let through = Some(format!("http://{}", proxy.address));
        let reach = Reach { ca_file: Some(identity.authority()), proxy: through, allow_private: false, ..inside() };
        let at = "https://hooks.example.test";
        let taken = once(&sink(at, at, &reach), PAYLOAD);
        assert!(taken.is_ok(), "{name}: {taken:?}");
        let asked = proxy.asked.lock().unwrap().clone();
        assert!(
            !asked.is_empty() && asked.iter().all(|line| line == "CONNECT hooks.example.test:443 HTTP/1.1"),
            "{name}: {asked:?}"
        );
        assert!(receiver.taken().iter().all(|request| request.headers["host"] == "hooks.example.test"), "{name}");
    }
}

#[test]
fn inner_addresses_are_refused_for_every_sink_unless_they_are_allowed() {
    for (name, _, sink) in sinks() {
        let receiver = Receiver::start(|_| Ok((200, String::new())));
        let outside = Reach { allow_private: false, ..inside() };
        let failed = once(&sink(&receiver.url(""), &tokens(), &outside), PAYLOAD).unwrap_err();
        assert!(failed.contains("loopback") && failed.contains("allow_private"), "{name}: {failed}");
        assert_eq!(receiver.came(), 0, "{name}");
    }
}
