//! How did it end, and why?

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Outcome {
    /// It was done, or the request was answered below 400.
    Success,
    /// It was refused or failed.
    Failure,
    /// The record does not say.
    #[default]
    Unknown,
}

impl Outcome {
    /// Returns the outcome's name as detectors write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

macro_rules! reasons {
    ($($Variant:ident $name:literal $doc:literal,)*) => {
        /// Why a request was refused. One closed list: a 401 and a 403 never share a reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        pub enum Reason {
            /// The record can't tell: `AppServiceHTTPLogs` holds no headers.
            #[default]
            Unknown,
            $(#[doc = $doc] $Variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: [Self; 1 + [$(Self::$Variant,)*].len()] = [Self::Unknown, $(Self::$Variant,)*];

            /// Returns the reason's name as detectors write it.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Unknown => "unknown",
                    $(Self::$Variant => $name,)*
                }
            }

            /// Returns one sentence on what it means.
            pub const fn describe(self) -> &'static str {
                match self {
                    Self::Unknown => "The record can't tell.",
                    $(Self::$Variant => $doc,)*
                }
            }
        }
    };
}

reasons! {
    KeyMissing "key-missing" "No key was sent.",
    KeyInvalid "key-invalid" "A key was sent that is not valid.",
    TokenMissing "token-missing" "No token was sent.",
    TokenMalformed "token-malformed" "The token can't be read.",
    TokenExpired "token-expired" "The token is past its expiry.",
    TokenNotYetValid "token-not-yet-valid" "The token's time has not come.",
    TokenSignature "token-signature" "The token's signature is wrong.",
    SigningKeyUnknown "signing-key-unknown" "No key is known by which to check the token's signature.",
    Issuer "issuer" "The token is of another issuer.",
    Audience "audience" "The token is for another audience.",
    Claim "claim" "A claim is missing or has a value that is not allowed.",
    AuthenticationRequired "authentication-required" "A 401 whose cause the record does not say.",
    RedirectedToLogin "redirected-to-login" "A browser was sent to the login page.",
    AddressNotAllowed "address-not-allowed" "The address is not allowed.",
    Rate "rate" "The rate limit was exceeded.",
    Quota "quota" "The quota was exceeded.",
    Forbidden "forbidden" "A 403 whose cause the record does not say.",
    NotFound "not-found" "There is no such path or operation.",
    MethodNotAllowed "method-not-allowed" "The method is not allowed there.",
    Header "header" "A header is missing or has a value that is not allowed.",
    BadRequest "bad-request" "The request makes no sense.",
    Backend "backend" "What lies behind failed or could not be reached.",
    Timeout "timeout" "It took too long.",
    ClientGone "client-gone" "The client went away.",
    Firewall "firewall" "A firewall's rule matched.",
    Credentials "credentials" "The password or secret is wrong.",
    SecondFactor "second-factor" "A second factor was not given.",
    Policy "policy" "A policy (conditional access) did not allow it.",
    Locked "locked" "The account or application is locked, disabled or unknown.",
    Consent "consent" "The application was not given the permission it asks for.",
    Protocol "protocol" "The exchange did not follow the protocol: no HTTP, no TLS, or a broken login.",
}

/// The way a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// In a header.
    Header,
    /// In the URL's query, where every log keeps it.
    Query,
}

impl Transport {
    /// Returns its name as detectors write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Query => "query",
        }
    }
}
