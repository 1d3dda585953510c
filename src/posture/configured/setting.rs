//! What can be set on an element, whatever the form it is written in?
//!
//! ARM says `properties.siteConfig.minTlsVersion`, Terraform `site_config.0.minimum_tls_version`,
//! and both mean [`Setting::MinTls`]. Controls name settings by [`Setting::name`] and never see
//! the forms.

/// Makes the enum, its list and its names from one table.
macro_rules! settings {
    ($($(#[doc = $doc:expr])+ $variant:ident = $name:literal,)+) => {
        /// What can be set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Setting {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Setting {
            /// Every setting.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns its name, as controls write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

settings! {
    /// Plain HTTP is redirected to HTTPS, or refused.
    HttpsOnly = "https-only",
    /// The least version of TLS.
    MinTls = "min-tls",
    /// The least version of TLS at the deployment site.
    ScmMinTls = "scm-min-tls",
    /// What FTP is allowed: `AllAllowed`, `FtpsOnly`, `Disabled`.
    FtpsState = "ftps-state",
    /// A debugger may be attached from outside.
    RemoteDebugging = "remote-debugging",
    /// User name and password are taken at the deployment site.
    ScmBasicAuth = "scm-basic-auth",
    /// User name and password are taken by FTP.
    FtpBasicAuth = "ftp-basic-auth",
    /// The runtime's `/admin` paths are closed to the outside.
    AdminIsolation = "admin-isolation",
    /// What is asked of callers' certificates: `Required`, `Optional`, `OptionalInteractiveUser`, `Off`.
    ClientCertMode = "client-cert-mode",
    /// Paths that need no certificate.
    ClientCertExclusions = "client-cert-exclusions",
    /// The managed identity: `SystemAssigned`, `UserAssigned`, `None`.
    Identity = "identity",
    /// The subnet that outbound traffic goes through.
    Subnet = "subnet",
    /// All outbound traffic goes through the subnet.
    RouteAll = "route-all",
    /// It can be reached from the internet.
    PublicNetwork = "public-network-access",
    /// It has a private endpoint.
    PrivateEndpoint = "private-endpoint",
    /// What happens to addresses that no rule names: `Allow` or `Deny`.
    IpDefault = "ip-default-action",
    /// The address rules, each as `Allow 10.0.0.0/8`.
    IpRules = "ip-rules",
    /// What happens at the deployment site to addresses that no rule names.
    ScmIpDefault = "scm-ip-default-action",
    /// The address rules of the deployment site.
    ScmIpRules = "scm-ip-rules",
    /// The deployment site has the rules of the app.
    ScmUsesMain = "scm-ip-use-main",
    /// Origins that browsers may call from.
    CorsOrigins = "cors-origins",
    /// Browsers may send cookies and credentials across origins.
    CorsCredentials = "cors-credentials",
    /// The version of the Functions runtime, such as `~4`.
    Runtime = "runtime-version",
    /// Language and version, such as `PYTHON|3.11`.
    Stack = "stack",
    /// App Service Authentication is on.
    AuthOn = "auth-enabled",
    /// It lets nobody through without authentication.
    AuthRequired = "auth-required",
    /// What it does with the unauthenticated: `Return401`, `RedirectToLoginPage`, `AllowAnonymous`.
    AuthAction = "auth-unauthenticated-action",
    /// Its identity providers.
    AuthProviders = "auth-providers",
    /// Audiences it takes tokens for.
    AuthAudiences = "auth-audiences",
    /// Paths it lets everybody through to.
    AuthExcluded = "auth-excluded-paths",
    /// It keeps people's tokens.
    AuthTokenStore = "auth-token-store",
    /// It asks for HTTPS.
    AuthHttps = "auth-require-https",
    /// How the host's storage account is reached: `identity`, `key-vault`, `literal`.
    HostStorage = "host-storage-connection",
    /// Categories of logs that are sent somewhere.
    Logs = "log-categories",
    /// host.json turns on HSTS.
    Hsts = "hsts",
    /// What stands before the routes of an app's functions.
    RoutePrefix = "route-prefix",
    /// The version range of the extension bundle.
    Bundle = "extension-bundle",
    /// The default level of the app's logs.
    LogLevel = "log-level",
    /// The trigger: `httpTrigger`, `queueTrigger`, …
    Trigger = "trigger",
    /// The key an HTTP trigger asks for: `anonymous`, `function`, `admin`.
    AuthLevel = "auth-level",
    /// The level is written down, not left to a default.
    AuthLevelExplicit = "auth-level-explicit",
    /// The HTTP methods.
    Methods = "methods",
    /// The route.
    Route = "route",
    /// How a secret is kept: `identity`, `key-vault`, `parameter`, `literal`.
    Kept = "kept",
    /// A named value is marked secret.
    Secret = "secret",
    /// A named value looks like a secret.
    Sensitive = "sensitive",
    /// Secrets stand in the file.
    SecretsInFile = "secrets-in-file",
    /// Old API versions, which show secrets to readers, are refused.
    MinApiVersion = "min-api-version",
    /// Old protocols and ciphers that are on.
    WeakProtocols = "weak-protocols",
    /// The direct management API is on.
    DirectManagement = "direct-management",
    /// The gateway is switched off in the primary region.
    GatewayDisabled = "gateway-disabled",
    /// How the gateway is in a network: `None`, `External`, `Internal`.
    NetworkType = "network-type",
    /// A subscription key is needed.
    SubscriptionRequired = "subscription-required",
    /// An administrator approves subscriptions.
    ApprovalRequired = "approval-required",
    /// Protocols that an API is served by.
    Protocols = "protocols",
    /// The address of what lies behind.
    BackendUrl = "backend-url",
    /// The backend's certificate chain is checked.
    ValidateChain = "validate-chain",
    /// The backend's certificate name is checked.
    ValidateName = "validate-name",
    /// Headers that are logged.
    LoggedHeaders = "logged-headers",
    /// Bytes of bodies that are logged.
    LoggedBody = "logged-body-bytes",
    /// Keys of the account open everything in it.
    SharedKey = "shared-key-access",
    /// Containers may be opened to everybody.
    PublicBlobs = "public-blob-access",
    /// What happens to networks that no rule names: `Allow` or `Deny`.
    NetworkDefault = "network-default-action",
    /// What was deleted can't be destroyed before its time.
    PurgeProtection = "purge-protection",
    /// Roles decide who may read, not a list of its own.
    RoleBased = "role-based-access",
    /// The role that is assigned.
    Role = "role",
    /// How far it reaches: `subscription`, `resource-group`, `resource`, `management-group`.
    Scope = "scope",
    /// Whom it is assigned to: `ServicePrincipal`, `User`, `Group`.
    PrincipalType = "principal-type",
}

impl Setting {
    /// Returns the setting that controls call `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|setting| setting.name() == name)
    }

    /// Tells whether it belongs to the app's configuration, which some exports leave out.
    pub const fn is_config(self) -> bool {
        !matches!(
            self,
            Self::HttpsOnly
                | Self::ClientCertMode
                | Self::ClientCertExclusions
                | Self::Identity
                | Self::Subnet
                | Self::PublicNetwork
        )
    }

    /// Tells whether its value may be shown: it is no address, header or file that may hold a secret.
    pub const fn is_showable(self) -> bool {
        !matches!(self, Self::BackendUrl | Self::LoggedHeaders)
    }
}
