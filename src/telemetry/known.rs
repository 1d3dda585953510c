//! What is known of an event that its record does not say?
//!
//! Where the caller's address lies, whose it is, which lists hold it, and what the inventory says of
//! app, function, key and origin; and what an owner has meant. Decoding leaves it out; whoever has looked it up hangs it on the
//! event before addresses are hidden. Texts are borrowed, so that it costs no allocation of its own.

/// What was looked up about an event.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Known<'s> {
    /// Where the caller's address lies, and whose it is.
    pub place: Place<'s>,
    /// The names of the lists that hold the caller's address, a space between two.
    pub lists: Option<&'s str>,
    /// The tags of those lists, a space between two.
    pub tags: Option<&'s str>,
    /// What the inventory says.
    pub inventory: Inventoried<'s>,
    /// What was meant.
    pub intent: Intent<'s>,
}

/// Where an address lies, and whose it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place<'s> {
    /// The country, ISO 3166's two letters.
    pub country: Option<&'s str>,
    /// The city's name, in English.
    pub city: Option<&'s str>,
    /// Where on the globe.
    pub spot: Option<Spot>,
    /// The number of the autonomous system that announces it.
    pub asn: Option<u32>,
    /// The organisation behind that number.
    pub organisation: Option<&'s str>,
}

/// A point on the globe, and how far off it may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spot {
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Kilometres within which it lies, where the source says so.
    pub within_km: Option<u16>,
}

/// What the inventory says of those whom an event names. What it holds nothing of is `None`: without
/// a list of apps, no app is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inventoried<'s> {
    /// Whether it lists the app.
    pub app: Option<bool>,
    /// The app's owner.
    pub app_owner: Option<&'s str>,
    /// The app's environment.
    pub environment: Option<&'s str>,
    /// Whether the app is to have this function.
    pub function: Option<bool>,
    /// Whether it lists the origin.
    pub origin: Option<bool>,
    /// Whether it lists the key.
    pub key: Option<bool>,
    /// The key's owner.
    pub key_owner: Option<&'s str>,
    /// Whether the key is used from where, and by which app, it is to be.
    pub key_expected: Option<bool>,
    /// Whole days since the key should have been changed, at the time of the event; less than 0 before.
    pub key_overdue_days: Option<i64>,
}

/// What an owner has meant with regard to an event. What nobody has said, and what the record can't
/// tell, is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Intent<'s> {
    /// The ways of proof that the endpoint takes, a space between two.
    pub authentication: Option<&'s str>,
    /// Whether proof of one of those sorts was `shown`, or `missing` where the record would hold it.
    pub proof: Option<&'s str>,
    /// What of the token shown is not meant: `issuer`, `audience`; or `intended`.
    pub token: Option<&'s str>,
    /// Whether the endpoint is declared; `false` only where all are.
    pub declared: Option<bool>,
    /// The way the request came: through the `gateway` it should, `past` it, or `straight` as it may.
    pub way: Option<&'s str>,
    /// Whether the origin is one of those meant.
    pub origin: Option<bool>,
    /// Whether the caller's address lies in one of the networks meant.
    pub network: Option<bool>,
    /// Whether the identity's app or gateway may reach what it reached.
    pub reach: Option<bool>,
    /// Whether the data of the app or gateway is worth more care than most.
    pub sensitive: Option<bool>,
}
