//! What wrote a record, and what kind of thing does it tell of?
//!
//! Categories are Azure's, kinds are ours: several categories tell of one kind of thing, and a
//! detector asks for kinds. To add a category, add its line to the table below; at most 64.

use serde::{Deserialize, Serialize};

use crate::clock::Lanes;

use super::index::Index;

macro_rules! categories {
    ($($Variant:ident $name:literal $also:tt makes [$($Kind:ident)+] $doc:literal,)*) => {
        /// The category of a record: Azure's own name for what wrote it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Category {
            $(#[doc = $doc] $Variant,)*
        }

        impl Category {
            /// Every category; a category's place here is its lane in the watermarks.
            pub const ALL: [Self; [$(Self::$Variant,)*].len()] = [$(Self::$Variant,)*];

            /// Returns the category's name as Azure and summaries write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)* }
            }

            /// Returns one sentence on what it holds.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$Variant => $doc,)* }
            }

            /// Returns its other names: those of its table in a workspace.
            pub const fn also(self) -> &'static [&'static str] {
                match self { $(Self::$Variant => &$also,)* }
            }

            /// Returns the kinds of event that it makes.
            pub const fn makes(self) -> &'static [Kind] {
                match self { $(Self::$Variant => &[$(Kind::$Kind),+],)* }
            }
        }
    };
}

categories! {
    FunctionAppLogs "FunctionAppLogs" [] makes [FunctionLog] "What functions and their host log.",
    AppServiceHTTPLogs "AppServiceHTTPLogs" [] makes [HttpRequest SignIn] "The web server's access log of a function app.",
    AppServiceAuthenticationLogs "AppServiceAuthenticationLogs" [] makes [SignIn] "What Easy Auth refused, on Windows plans.",
    AppServiceAuditLogs "AppServiceAuditLogs" [] makes [PublishingLogin] "Logins to publish: FTP, Kudu, WebDeploy.",
    AppServiceIPSecAuditLogs "AppServiceIPSecAuditLogs" [] makes [AccessRestriction] "What the access restrictions let in and kept out.",
    AppServiceConsoleLogs "AppServiceConsoleLogs" ["ContainerAppConsoleLogs"] makes [AppLog] "What a container writes to its console.",
    AppServiceAppLogs "AppServiceAppLogs" [] makes [AppLog] "What an app's own logger writes.",
    AppServiceFileAuditLogs "AppServiceFileAuditLogs" [] makes [FileChange] "Files of the site that were written or deleted.",
    AppServicePlatformLogs "AppServicePlatformLogs" [] makes [PlatformEvent] "What the platform does with the app's containers.",
    AppServiceAntivirusScanAuditLogs "AppServiceAntivirusScanAuditLogs" [] makes [MalwareScan] "The daily scan of the site's files for malware.",
    GatewayLogs "GatewayLogs" ["ApiManagementGatewayLogs"] makes [GatewayRequest] "API Management's access log.",
    WebSocketConnectionLogs "WebSocketConnectionLogs" ["ApiManagementWebSocketConnectionLogs"] makes [GatewayConnection] "WebSocket connections through API Management.",
    ActivityLog "ActivityLog" ["AzureActivity"] makes [ControlOperation] "What was done to resources through Azure Resource Manager, in any of its categories.",
    AuditEvent "AuditEvent" ["AZKVAuditLogs"] makes [VaultOperation] "What was asked of a Key Vault.",
    FrontDoorAccessLog "FrontDoorAccessLog" [] makes [GatewayRequest] "Front Door's access log, of both its products.",
    FrontDoorWebApplicationFirewallLog "FrontDoorWebApplicationFirewallLog" [] makes [FirewallMatch] "Requests that matched a rule of Front Door's firewall.",
    ApplicationGatewayAccessLog "ApplicationGatewayAccessLog" ["AGWAccessLogs"] makes [GatewayRequest] "Application Gateway's access log.",
    ApplicationGatewayFirewallLog "ApplicationGatewayFirewallLog" ["AGWFirewallLogs"] makes [FirewallMatch] "Requests that matched a rule of Application Gateway's firewall.",
    AppRequests "AppRequests" [] makes [AppRequest] "Requests and triggers as Application Insights saw them.",
    AppDependencies "AppDependencies" [] makes [AppDependency] "What an app called, as Application Insights saw it.",
    AppTraces "AppTraces" [] makes [AppLog] "Log lines through Application Insights.",
    AppExceptions "AppExceptions" [] makes [AppException] "Exceptions through Application Insights.",
    SignInLogs "SignInLogs" ["ADFSSignInLogs"] makes [SignIn] "People who signed in to Entra.",
    NonInteractiveUserSignInLogs "NonInteractiveUserSignInLogs" ["AADNonInteractiveUserSignInLogs"] makes [SignIn] "Clients that signed in to Entra for a person.",
    ServicePrincipalSignInLogs "ServicePrincipalSignInLogs" ["AADServicePrincipalSignInLogs", "MicrosoftServicePrincipalSignInLogs"] makes [SignIn] "Applications that signed in to Entra.",
    ManagedIdentitySignInLogs "ManagedIdentitySignInLogs" ["AADManagedIdentitySignInLogs"] makes [SignIn] "Managed identities that signed in to Entra.",
    AuditLogs "AuditLogs" [] makes [DirectoryChange] "What was changed in Entra's directory.",
    StorageRead "StorageRead" ["StorageBlobLogs", "StorageFileLogs", "StorageQueueLogs", "StorageTableLogs"] makes [StorageRequest] "Reads of a storage account.",
    StorageWrite "StorageWrite" [] makes [StorageRequest] "Writes to a storage account.",
    StorageDelete "StorageDelete" [] makes [StorageRequest] "Deletions in a storage account.",
    SQLSecurityAuditEvents "SQLSecurityAuditEvents" [] makes [DatabaseRequest] "What Azure SQL's audit saw.",
    DataPlaneRequests "DataPlaneRequests" ["CDBDataPlaneRequests"] makes [DatabaseRequest] "What was asked of a Cosmos DB account.",
    OtlpLogs "OtlpLogs" [] makes [AppLog] "Log records of OpenTelemetry.",
    Other "Other" [] makes [Other] "Anything else.",
}

/// A name of a category, its own or another.
struct Named {
    name: &'static str,
    category: Category,
}

const NAMES: usize = {
    let (mut all, mut names) = (0, 0);
    while all < Category::ALL.len() {
        names += 1 + Category::ALL[all].also().len();
        all += 1;
    }
    names
};

static NAMED: [Named; NAMES] = {
    let mut named = [const { Named { name: "", category: Category::Other } }; NAMES];
    let (mut all, mut next) = (0, 0);
    while all < Category::ALL.len() {
        let category = Category::ALL[all];
        named[next] = Named { name: category.name(), category };
        next += 1;
        let mut other = 0;
        while other < category.also().len() {
            named[next] = Named { name: category.also()[other], category };
            next += 1;
            other += 1;
        }
        all += 1;
    }
    named
};

static INDEX: Index<NAMES> = {
    let mut texts = [""; NAMES];
    let mut at = 0;
    while at < NAMES {
        texts[at] = NAMED[at].name;
        at += 1;
    }
    Index::new(texts)
};

impl Category {
    /// Returns the category that `name` is, in any case and by any of its names.
    pub fn named(name: &str) -> Option<Self> {
        NAMED.get(INDEX.place(name.as_bytes())?).map(|named| named.category)
    }

    /// Returns the category's lane in the watermarks.
    pub const fn lane(self) -> u8 {
        self as u8
    }
}

macro_rules! kinds {
    ($($Variant:ident $name:literal $doc:literal,)*) => {
        /// What kind of thing happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $(#[doc = $doc] $Variant,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: [Self; [$(Self::$Variant,)*].len()] = [$(Self::$Variant,)*];

            /// Returns the kind's name as detectors write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Variant => $name,)* }
            }

            /// Returns one sentence on what it tells of.
            pub const fn describe(self) -> &'static str {
                match self { $(Self::$Variant => $doc,)* }
            }
        }
    };
}

kinds! {
    GatewayRequest "gateway.request" "A request passed an API gateway.",
    GatewayConnection "gateway.connection" "A WebSocket connection passed an API gateway.",
    FirewallMatch "firewall.match" "A request matched a rule of a gateway's firewall.",
    HttpRequest "http.request" "A request reached a function app's web server.",
    AccessRestriction "access.restriction" "An app's access restrictions let a request in or kept it out.",
    SignIn "signin" "Somebody signed in, out, or was refused: at Entra, or at an app's `/.auth/`.",
    PublishingLogin "publishing.login" "Somebody logged in to publish to an app.",
    FunctionLog "function.log" "A function or its host logged a line.",
    AppLog "app.log" "An app or its container logged a line.",
    AppRequest "app.request" "An app served a request or a trigger, as Application Insights saw it.",
    AppDependency "app.dependency" "An app called something.",
    AppException "app.exception" "An app threw an exception.",
    FileChange "file.change" "A file of an app was written or deleted.",
    MalwareScan "malware.scan" "An app's files were scanned for malware.",
    PlatformEvent "platform.event" "The platform did something with an app's containers.",
    ControlOperation "control.operation" "Somebody did something to a resource.",
    DirectoryChange "directory.change" "Somebody changed something in Entra's directory.",
    VaultOperation "vault.operation" "Somebody asked something of a Key Vault.",
    StorageRequest "storage.request" "Somebody asked something of a storage account.",
    DatabaseRequest "database.request" "Somebody asked something of a database.",
    Other "other" "Something else, whose fields can be reached by path.",
}

impl Kind {
    /// Returns the kind that [`Kind::name`] calls `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the categories that make events of this kind, the most usual first.
    pub fn categories(self) -> impl Iterator<Item = Category> {
        Category::ALL.into_iter().filter(move |category| category.makes().contains(&self))
    }

    /// Returns the lanes of the categories that make events of this kind.
    pub fn lanes(self) -> Lanes {
        self.categories().fold(Lanes(0), |lanes, category| lanes.with(category.lane()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_known_by_all_its_names_in_any_case() {
        for category in Category::ALL {
            for name in category.also().iter().chain([&category.name()]) {
                assert_eq!(Category::named(name), Some(category));
                assert_eq!(Category::named(&name.to_ascii_uppercase()), Some(category));
            }
        }
        assert_eq!(Category::named("FrontdoorAccessLog"), Some(Category::FrontDoorAccessLog));
        assert_eq!(Category::named("ADFSSignInLogs"), Some(Category::SignInLogs));
        let applications = Category::named("MicrosoftServicePrincipalSignInLogs");
        assert_eq!(applications, Some(Category::ServicePrincipalSignInLogs));
        assert_eq!(Category::named("FrontDoorAccess"), None);
        assert_eq!(Category::named(""), None);
    }

    #[test]
    fn every_kind_is_made_by_some_category_and_every_category_has_a_lane() {
        assert!(Kind::ALL.into_iter().all(|kind| kind.categories().count() > 0));
        assert!(Category::ALL.len() <= 64);
    }
}
