//! Of which service is the secret behind this name?
//!
//! `AccessKey=` and `Password=` say nothing of it; the address in the same connection string or URL
//! does. At most [`BEFORE`] bytes before the name are read, back to the quote or line they start at.

use super::Kind;

/// How far before a name its service is looked for.
const BEFORE: usize = 256;

/// A part of an address, which secrets it says more of, and what they are.
const SERVICES: [(&[u8], &[Kind], Kind); 20] = [
    (b".service.signalr.", &[Kind::ApiKey], Kind::SignalRKey),
    (b".webpubsub.azure.", &[Kind::ApiKey], Kind::WebPubSubKey),
    (b".communication.azure.", &[Kind::ApiKey], Kind::CommunicationKey),
    (b".azconfig.", &[Kind::ClientSecret], Kind::AppConfigurationKey),
    (b".azure-devices", &[Kind::SharedAccessKey], Kind::IotKey),
    (b".documents.azure.", &[Kind::StorageKey], Kind::CosmosKey),
    (b".table.cosmos.", &[Kind::StorageKey], Kind::CosmosKey),
    (b".mongo.cosmos.", &[Kind::Password], Kind::CosmosKey),
    (b".redis.cache.", &[Kind::Password, Kind::ApiKey], Kind::RedisKey),
    (b".redis.azure.", &[Kind::Password, Kind::ApiKey], Kind::RedisKey),
    (b".database.windows.", &[Kind::Password], Kind::SqlPassword),
    (b".eventgrid.azure.", &[Kind::ApiKey], Kind::EventGridKey),
    (b".openai.azure.", &[Kind::ApiKey, Kind::SubscriptionKey, Kind::AiKey], Kind::OpenAiKey),
    (b".cognitiveservices.azure.", &[Kind::ApiKey, Kind::SubscriptionKey], Kind::AiKey),
    (b".api.cognitive.microsoft.", &[Kind::ApiKey, Kind::SubscriptionKey], Kind::AiKey),
    (b".search.windows.", &[Kind::ApiKey, Kind::AiKey], Kind::SearchKey),
    (b".microsoft.com/map", &[Kind::SubscriptionKey], Kind::MapsKey),
    (b".azure-automation.", &[Kind::BearerToken], Kind::AutomationWebhook),
    (b"=DefaultFullSharedAccessSignature", &[Kind::SharedAccessKey], Kind::NotificationHubsKey),
    (b"=DefaultListenSharedAccessSignature", &[Kind::SharedAccessKey], Kind::NotificationHubsKey),
];

/// Returns what a secret is that its name, which starts at `name`, says to be of `kind`.
pub fn named(text: &[u8], name: usize, kind: Kind) -> Option<Kind> {
    if !SERVICES.iter().any(|(_, kinds, _)| kinds.contains(&kind)) {
        return None;
    }
    let before = &text[name.saturating_sub(BEFORE)..name];
    let start = before.iter().rposition(|byte| matches!(byte, b'"' | b'\'' | b'\n')).map_or(0, |at| at + 1);
    let before = &before[start..];
    memchr::memchr2_iter(b'.', b'=', before).rev().find_map(|at| {
        let is = |part: &[u8]| before[at..].get(..part.len()).is_some_and(|this| this.eq_ignore_ascii_case(part));
        SERVICES.iter().find(|(part, kinds, _)| kinds.contains(&kind) && is(part)).map(|(_, _, kind)| *kind)
    })
}
