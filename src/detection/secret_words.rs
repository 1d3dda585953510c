//! What is this secret called, and what can whoever has it do?
//!
//! An alert about a secret is read by somebody who has never seen it and must decide whether to
//! get up. Kind and privilege choose from one closed table; a kind that is not in it is called by
//! its own name, and nothing is claimed of what it opens.

use crate::telemetry::Sighting;

/// Kind, privilege (empty: any other), what it is called, what it lets its holder do.
#[rustfmt::skip]
const WORDS: &[(&str, &str, &str, &str)] = &[
    ("azure-function-key", "master", "master key", "run, read and change everything in the app"),
    ("azure-function-key", "host", "host key", "call every function of the app"),
    ("azure-function-key", "system", "system key", "call the webhook of one of the app's extensions"),
    ("azure-function-key", "", "function key", "call the functions it opens"),
    ("oauth-code", "", "sign-in code", "sign in as its owner, for a few minutes and once"),
    ("apim-subscription-key", "gateway", "gateway key", "act as a self-hosted gateway"),
    ("apim-subscription-key", "manage", "gateway management key", "change the whole gateway"),
    ("apim-subscription-key", "git", "gateway configuration key", "read and change the gateway's configuration in its repository"),
    ("apim-subscription-key", "", "subscription key", "call the APIs of its subscription"),
    ("azure-storage-key", "", "storage account key", "read, change and delete everything in the storage account"),
    ("azure-service-bus-key", "send", "Service Bus sender's key", "send messages"),
    ("azure-service-bus-key", "listen", "Service Bus listener's key", "receive messages"),
    ("azure-service-bus-key", "manage", "Service Bus management key", "send and receive messages, and change queues and topics"),
    ("azure-service-bus-key", "system", "Service Bus system key", "act as the Service Bus service itself"),
    ("azure-service-bus-key", "", "Service Bus key", "read or send messages as its rule allows"),
    ("azure-event-hubs-key", "send", "Event Hubs sender's key", "send events"),
    ("azure-event-hubs-key", "listen", "Event Hubs listener's key", "receive events"),
    ("azure-event-hubs-key", "manage", "Event Hubs management key", "send and receive events, and change hubs"),
    ("azure-event-hubs-key", "system", "Event Hubs system key", "act as the Event Hubs service itself"),
    ("azure-event-hubs-key", "", "Event Hubs key", "read or send events as its rule allows"),
    ("azure-relay-key", "send", "Relay sender's key", "send through the relay"),
    ("azure-relay-key", "listen", "Relay listener's key", "answer in the place of the service behind the relay"),
    ("azure-relay-key", "manage", "Relay management key", "listen, send and change the relay"),
    ("azure-relay-key", "system", "Relay system key", "act as the Relay service itself"),
    ("azure-relay-key", "", "Relay key", "listen or send through the relay as its rule allows"),
    ("azure-cosmos-key", "read", "read-only Cosmos DB key", "read everything in the account"),
    ("azure-cosmos-key", "read-write", "Cosmos DB key", "read, change and delete everything in the account"),
    ("azure-cosmos-key", "system", "Cosmos DB system key", "act as the Cosmos DB service itself"),
    ("azure-cosmos-key", "resource", "Cosmos DB resource token", "use the one resource it was made for"),
    ("azure-cosmos-key", "encryption", "Cosmos DB encryption key", "decrypt what the account encrypted with it"),
    ("azure-cosmos-key", "", "Cosmos DB account key", "read everything in the account, and change it unless the key is read-only"),
    ("azure-iot-key", "manage", "IoT Hub key", "command the hub and its devices as its rule allows"),
    ("azure-iot-key", "provisioning", "device provisioning key", "enrol devices"),
    ("azure-iot-key", "device", "device key", "act as that device"),
    ("azure-iot-key", "", "IoT key", "act as a device or as the hub"),
    ("azure-event-grid-key", "send", "Event Grid publisher's key", "publish events"),
    ("azure-event-grid-key", "", "Event Grid key", "publish or receive events"),
    ("azure-redis-key", "", "Redis access key", "read, change and delete everything in the cache"),
    ("azure-search-key", "query", "search query key", "read the search indexes"),
    ("azure-search-key", "admin", "search admin key", "read, change and delete the search indexes, and make other keys"),
    ("azure-search-key", "", "search key", "read the search indexes at least"),
    ("azure-container-registry-password", "", "container registry password", "pull images, and push them if its account may"),
    ("azure-batch-key", "", "Batch account key", "run jobs in the account, as code of its choice"),
    ("azure-machine-learning-key", "", "Machine Learning key", "call the web service"),
    ("azure-sql-password", "", "SQL password", "sign in to the database as that user"),
    ("azure-app-configuration-key", "", "App Configuration key", "read the app's configuration, and change it unless the key is read-only"),
    ("azure-fluid-relay-key", "", "Fluid Relay key", "sign tokens for any user and document"),
    ("azure-devops-token", "", "Azure DevOps access token", "read and change code and pipelines as its owner, as far as its scopes go"),
    ("azure-mixed-reality-key", "", "Mixed Reality key", "use the account's anchors and rendering"),
    ("azure-maps-key", "", "Azure Maps key", "call Azure Maps at the account's cost"),
    ("azure-communication-services-key", "", "Communication Services key", "send messages and make calls in the account's name"),
    ("azure-openai-key", "", "Azure OpenAI key", "call the account's models at its cost"),
    ("azure-ai-services-key", "", "Azure AI services key", "call the service at the account's cost"),
    ("azure-annotated-key", "", "Azure service key", "call the service it is for"),
    ("entra-client-secret", "", "Entra client secret", "sign in as the application"),
    ("azure-signalr-key", "", "SignalR key", "sign in as any client and send to all of them"),
    ("azure-web-pubsub-key", "", "Web PubSub key", "connect as any client and send to all of them"),
    ("azure-notification-hubs-key", "", "Notification Hubs key", "send notifications to devices as its rule allows"),
    ("app-insights-key", "", "Application Insights key", "write false telemetry, but read none"),
    ("azure-automation-webhook", "", "Automation webhook", "start the runbook"),
    ("azure-publishing-password", "", "publishing password", "deploy code to the app"),
    ("certificate-with-key", "", "certificate with its private key", "sign and decrypt as its owner, once its password is known"),
    ("unscanned", "", "text that could not be looked through", "do what a secret in it lets them, if there is one"),
    ("azure-shared-access-key", "", "shared access key", "read or send as its rule allows"),
    ("azure-sas", "read", "read-only signed URL", "read what it was signed for until it expires"),
    ("azure-sas", "read-write", "signed URL that can change", "do what it was signed for, more than read, until it expires"),
    ("azure-sas", "", "signed URL", "do what it was signed for until it expires"),
    ("api-key", "", "API key", "call the service it is for"),
    ("password", "", "password", "sign in as its owner"),
    ("client-secret", "", "application secret", "sign in as the application"),
    ("connection-string", "", "connection string", "reach the service it names"),
    ("jwt", "", "access token", "act as its owner until it expires"),
    ("bearer-token", "", "bearer token", "act as its owner until it expires"),
    ("basic-credentials", "", "user name and password", "sign in as that user"),
    ("authorization", "", "Authorization header", "act as its sender"),
    ("cookie", "", "session cookie", "act as its owner until the session ends"),
    ("private-key", "", "private key", "sign and decrypt as its owner"),
];

/// Returns what a secret is called, such as `master key`.
pub(super) fn noun(secret: &Sighting) -> &str {
    let privilege = secret.privilege.map_or("", |privilege| privilege.name());
    let of = |wanted: &str| {
        WORDS.iter().find(|(kind, name, ..)| *kind == &*secret.kind && *name == wanted).map(|(_, _, noun, _)| *noun)
    };
    of(privilege).or_else(|| of("")).unwrap_or(&secret.kind)
}

/// Returns what one can do with a secret that [`noun`] calls so.
pub(super) fn can(called: &str) -> &'static str {
    WORDS.iter().find(|(_, _, noun, _)| *noun == called).map_or("use it", |(.., can)| *can)
}

#[cfg(test)]
mod tests {
    use crate::redaction;
    use crate::telemetry::{Confidence, Fingerprint, Privilege};

    use super::*;

    fn secret(kind: &str, privilege: Option<Privilege>) -> Sighting {
        Sighting {
            kind: kind.into(),
            privilege,
            confidence: Confidence::Proven,
            secret: true,
            dummy: false,
            fingerprint: Fingerprint("x:k1:AAAAAAAAAAAAAAAA".into()),
            at: 0..1,
            about: None,
            original: None,
        }
    }

    #[test]
    fn a_key_is_called_by_what_it_opens() {
        let said = [Some(Privilege::Master), Some(Privilege::Host), Some(Privilege::Function), None]
            .map(|privilege| can(noun(&secret("azure-function-key", privilege))));
        assert_eq!(
            said,
            [
                "run, read and change everything in the app",
                "call every function of the app",
                "call the functions it opens",
                "call the functions it opens"
            ]
        );
        assert_eq!((noun(&secret("new-kind", None)), can("new-kind")), ("new-kind", "use it"));
    }

    #[test]
    fn every_secret_has_a_name_and_says_what_its_holder_can_do() {
        let personal: Vec<&str> = redaction::personal().iter().map(|kind| kind.name).collect();
        for kind in redaction::kinds().into_iter().filter(|kind| !personal.contains(kind)) {
            assert!(WORDS.iter().any(|(name, privilege, ..)| *name == kind && privilege.is_empty()), "{kind}");
        }
        let mut state = 7_u64;
        let mut next = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        for (kind, privilege, _) in redaction::made::proven(&mut next) {
            let called = noun(&secret(kind, privilege)).to_owned();
            assert!(called != kind && can(&called) != "use it", "{kind} {privilege:?}");
        }
        for (_, name, ..) in WORDS.iter().filter(|(_, name, ..)| !name.is_empty()) {
            assert!(Privilege::ALL.iter().any(|known| known.name() == *name), "{name}");
        }
    }

    #[test]
    fn a_privilege_that_is_not_known_takes_nothing_away() {
        for (kind, ..) in WORDS {
            assert!(WORDS.iter().any(|(name, privilege, ..)| name == kind && privilege.is_empty()), "{kind}");
        }
        for (place, (_, _, noun, can)) in WORDS.iter().enumerate() {
            let twin = WORDS[..place].iter().find(|(_, _, other, _)| other == noun);
            assert!(twin.is_none_or(|(.., other)| other == can), "{noun} can do two things");
        }
    }
}
