//! What kinds of secrets and personal data does the redactor know?
//!
//! What needs a checksum, a decoding or a place to stand in is in the table below; what a pattern
//! tells is content, a rule with a name of its own. A kind's name stands in every fingerprint, so
//! names never change once shipped.
//! The name is no part of what is hashed, so one secret found as two kinds has one base32 part.

/// Which sub-key hashes a value: values of different classes can't be joined by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// What opens something.
    Secret,
    /// What names a person.
    Person,
    /// A network address.
    Address,
}

macro_rules! kinds {
    ($($Variant:ident $name:literal $Class:ident $doc:literal,)*) => {
        /// A kind of secret or personal data.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $doc] $Variant,)*
            /// A secret known by a rule that is content, by its number among the scanner's.
            Rule(u16),
        }

        /// The kinds of the code by number.
        enum Places {
            $($Variant,)*
        }

        impl Kind {
            /// Returns its place among all: those of the code first, then the rules.
            pub const fn place(self) -> usize {
                match self {
                    $(Self::$Variant => Places::$Variant as usize,)*
                    Self::Rule(number) => Self::ALL.len() + number as usize,
                }
            }

            /// Every kind that is known to the code.
            pub const ALL: [Self; [$(Self::$Variant,)*].len()] = [$(Self::$Variant,)*];

            /// Returns the kind's name, as fingerprints and detectors write it; a rule's is `None`.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$Variant => Some($name),)*
                    Self::Rule(_) => None,
                }
            }

            /// Returns one sentence on what it is; a rule says it itself.
            pub const fn describe(self) -> &'static str {
                match self {
                    $(Self::$Variant => $doc,)*
                    Self::Rule(_) => "What a rule says it is.",
                }
            }

            /// Returns the class whose sub-key hashes it.
            pub const fn class(self) -> Class {
                match self {
                    $(Self::$Variant => Class::$Class,)*
                    Self::Rule(_) => Class::Secret,
                }
            }
        }
    };
}

kinds! {
    FunctionKey "azure-function-key" Secret "A function, host, system or master key, identifiable or not.",
    OauthCode "oauth-code" Secret "An authorization code of a sign-in.",
    SubscriptionKey "apim-subscription-key" Secret "An API Management subscription, management, gateway or git key.",
    StorageKey "azure-storage-key" Secret "A Storage (or other account's) key.",
    ServiceBusKey "azure-service-bus-key" Secret "A Service Bus shared access key.",
    EventHubsKey "azure-event-hubs-key" Secret "An Event Hubs shared access key.",
    RelayKey "azure-relay-key" Secret "A Relay shared access key.",
    SharedAccessKey "azure-shared-access-key" Secret "A shared access key that does not say of which service.",
    Sas "azure-sas" Secret "The signature of a shared access signature.",
    ApiKey "api-key" Secret "A key of some other service, known by its name alone.",
    Password "password" Secret "A password.",
    ClientSecret "client-secret" Secret "An application's secret.",
    ConnectionString "connection-string" Secret "A connection string in which no single secret was recognised.",
    Jwt "jwt" Secret "A JSON web token.",
    BearerToken "bearer-token" Secret "An opaque bearer, access or refresh token.",
    BasicCredentials "basic-credentials" Secret "User name and password of HTTP basic authentication.",
    Authorization "authorization" Secret "Another scheme's `Authorization`.",
    Cookie "cookie" Secret "A cookie's value.",
    PrivateKey "private-key" Secret "A PEM private key.",
    CosmosKey "azure-cosmos-key" Secret "A Cosmos DB account key or resource token.",
    IotKey "azure-iot-key" Secret "An IoT Hub, device provisioning or device key.",
    EventGridKey "azure-event-grid-key" Secret "An Event Grid key.",
    RedisKey "azure-redis-key" Secret "An Azure Cache for Redis access key.",
    SearchKey "azure-search-key" Secret "An AI Search query or admin key.",
    RegistryPassword "azure-container-registry-password" Secret "A Container Registry password.",
    BatchKey "azure-batch-key" Secret "A Batch account key.",
    MachineLearningKey "azure-machine-learning-key" Secret "A Machine Learning web service key.",
    SqlPassword "azure-sql-password" Secret "A password of Azure SQL.",
    AppConfigurationKey "azure-app-configuration-key" Secret "An App Configuration key.",
    FluidRelayKey "azure-fluid-relay-key" Secret "A Fluid Relay key.",
    DevOpsToken "azure-devops-token" Secret "An Azure DevOps personal access token.",
    MixedRealityKey "azure-mixed-reality-key" Secret "A Mixed Reality key.",
    MapsKey "azure-maps-key" Secret "An Azure Maps key.",
    CommunicationKey "azure-communication-services-key" Secret "A Communication Services key.",
    OpenAiKey "azure-openai-key" Secret "An Azure OpenAI key.",
    AiKey "azure-ai-services-key" Secret "A key of another of Azure's AI services.",
    AnnotatedKey "azure-annotated-key" Secret "A key in Azure's common annotated format, of a service that is not known.",
    EntraSecret "entra-client-secret" Secret "A client secret of an Entra application.",
    SignalRKey "azure-signalr-key" Secret "A SignalR Service access key.",
    WebPubSubKey "azure-web-pubsub-key" Secret "A Web PubSub access key.",
    NotificationHubsKey "azure-notification-hubs-key" Secret "A Notification Hubs shared access key.",
    InstrumentationKey "app-insights-key" Secret "An Application Insights instrumentation key.",
    AutomationWebhook "azure-automation-webhook" Secret "The token of an Automation webhook.",
    PublishingPassword "azure-publishing-password" Secret "The password of a publishing profile.",
    Pkcs12 "certificate-with-key" Secret "A certificate with its private key, PKCS #12 in base64.",
    Unscanned "unscanned" Secret "A text nested too deep, or too much of it, to be decoded and looked through.",
    ClientPrincipal "client-principal" Person "Easy Auth's description of a caller, base64.",
    Email "email" Person "An e-mail address or user principal name.",
    Person "person" Person "A person's name.",
    Address "address" Address "A network address.",
    Phone "phone" Person "A telephone number beside a name that says so.",
    PaymentCard "payment-card" Person "The number of a payment card.",
    Iban "iban" Person "An international bank account number.",
    ObjectId "object-id" Person "The id of a person or application in a directory: `oid`, `sub`, `puid`.",
    NationalAt "national-id-at" Person "An Austrian social insurance number (SVNR).",
    NationalAr "national-id-ar" Person "An Argentine tax and labour number (CUIT, CUIL).",
    NationalAu "national-id-au" Person "An Australian tax file number (TFN).",
    NationalBe "national-id-be" Person "A Belgian national register number.",
    NationalBg "national-id-bg" Person "A Bulgarian civil number (EGN).",
    NationalBr "national-id-br" Person "A Brazilian taxpayer number (CPF).",
    NationalCa "national-id-ca" Person "A Canadian social insurance number (SIN).",
    NationalCh "national-id-ch" Person "A Swiss social security number (AHV).",
    NationalCl "national-id-cl" Person "A Chilean national number (RUN).",
    NationalCn "national-id-cn" Person "A Chinese resident identity number.",
    NationalCz "national-id-cz" Person "A Czech or Slovak birth number.",
    NationalDe "national-id-de" Person "A German tax identification number.",
    NationalDk "national-id-dk" Person "A Danish personal number (CPR).",
    NationalEe "national-id-ee" Person "An Estonian or Lithuanian personal code.",
    NationalEs "national-id-es" Person "A Spanish identity number (DNI, NIE).",
    NationalFi "national-id-fi" Person "A Finnish personal identity code.",
    NationalFr "national-id-fr" Person "A French social security number (NIR).",
    NationalGb "national-id-gb" Person "A British NHS number.",
    NationalGr "national-id-gr" Person "A Greek social security number (AMKA).",
    NationalHk "national-id-hk" Person "A Hong Kong identity card number.",
    NationalHr "national-id-hr" Person "A Croatian personal number (OIB).",
    NationalHu "national-id-hu" Person "A Hungarian social security number (TAJ).",
    NationalIe "national-id-ie" Person "An Irish personal public service number (PPS).",
    NationalIl "national-id-il" Person "An Israeli identity number.",
    NationalIn "national-id-in" Person "An Indian Aadhaar number.",
    NationalIs "national-id-is" Person "An Icelandic identity number (kennitala).",
    NationalIt "national-id-it" Person "An Italian tax code (codice fiscale).",
    NationalJp "national-id-jp" Person "A Japanese individual number (My Number).",
    NationalKr "national-id-kr" Person "A Korean resident registration number.",
    NationalMx "national-id-mx" Person "A Mexican population code (CURP).",
    NationalNl "national-id-nl" Person "A Dutch citizen service number (BSN).",
    NationalNo "national-id-no" Person "A Norwegian birth number.",
    NationalNz "national-id-nz" Person "A New Zealand inland revenue number (IRD).",
    NationalPl "national-id-pl" Person "A Polish national number (PESEL).",
    NationalPt "national-id-pt" Person "A Portuguese taxpayer number (NIF).",
    NationalRo "national-id-ro" Person "A Romanian personal code (CNP).",
    NationalSe "national-id-se" Person "A Swedish personal number.",
    NationalSg "national-id-sg" Person "A Singaporean identity number (NRIC, FIN).",
    NationalSi "national-id-si" Person "A Slovenian citizen number (EMŠO).",
    NationalTh "national-id-th" Person "A Thai identity number.",
    NationalTr "national-id-tr" Person "A Turkish identity number.",
    NationalTw "national-id-tw" Person "A Taiwanese identity number.",
    NationalZa "national-id-za" Person "A South African identity number.",
}

impl Kind {
    /// Tells whether it is a number that a state gives to people.
    pub fn national(self) -> bool {
        self.name().is_some_and(|name| name.starts_with("national-id-"))
    }

    /// Tells whether it is a secret, rather than personal data.
    pub const fn secret(self) -> bool {
        matches!(self.class(), Class::Secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_code_has_a_name_of_its_own_that_json_need_not_escape() {
        let mut names: Vec<_> = Kind::ALL.into_iter().filter_map(Kind::name).collect();
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
