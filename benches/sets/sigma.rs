//! What are the thousand Sigma rules that somebody loads beside the shipped detectors? Made up, the same in every run.
//!
//! They are spread evenly over eleven log sources: Entra's and Azure's own, gateways, apps, vaults, web servers, and
//! our kinds of event; and over the eight shapes that most public rules have: lists of parts, beginnings with ends,
//! ends outside of networks, all of several parts, expressions, exact values with exceptions, one of several selections,
//! and parts from certain networks. Their words are names of products, files, operations and tools, joined by chance,
//! so that nearly all rules differ and few of them hold, as with the public ones.

/// One log source: how rules name it, the text that they look at, a field of few values, and the caller's address.
struct Source {
    logsource: &'static str,
    text: (&'static str, fn(&mut Dice) -> String),
    kind: (&'static str, &'static [&'static str]),
    address: &'static str,
}

const STATUS: &[&str] = &["200", "302", "401", "403", "404", "500"];
const SOURCES: [Source; 11] = [
    Source {
        logsource: "product: azure, service: activitylogs",
        text: ("OperationNameValue", operation),
        kind: ("ActivityStatusValue", &["Success", "Failure", "Start", "Accept"]),
        address: "CallerIpAddress",
    },
    Source {
        logsource: "product: azure, service: signinlogs",
        text: ("UserAgent", agent),
        kind: ("ResultType", &["0", "50053", "50057", "50074", "50126", "53003"]),
        address: "IPAddress",
    },
    Source {
        logsource: "product: azure, service: auditlogs",
        text: ("properties.message", change),
        kind: ("Category", &["UserManagement", "RoleManagement", "ApplicationManagement", "Policy"]),
        address: "IPAddress",
    },
    Source {
        logsource: "product: azure, service: gatewaylogs",
        text: ("url", path),
        kind: ("responseCode", STATUS),
        address: "callerIpAddress",
    },
    Source {
        logsource: "product: azure, service: appservicehttplogs",
        text: ("CsUriStem", path),
        kind: ("ScStatus", STATUS),
        address: "CIp",
    },
    Source {
        logsource: "product: azure, service: functionapplogs",
        text: ("message", sentence),
        kind: ("level", &["Error", "Warning", "Information", "Critical"]),
        address: "source.ip",
    },
    Source {
        logsource: "product: azure, service: auditevent",
        text: ("requestUri", path),
        kind: ("OperationName", &["SecretGet", "SecretList", "KeyDecrypt", "VaultPatch"]),
        address: "CallerIPAddress",
    },
    Source {
        logsource: "category: webserver",
        text: ("cs-uri-query", path),
        kind: ("sc-status", STATUS),
        address: "c-ip",
    },
    Source {
        logsource: "category: proxy",
        text: ("c-useragent", agent),
        kind: ("cs-method", &["GET", "POST", "PUT", "OPTIONS"]),
        address: "c-ip",
    },
    Source {
        logsource: "category: application, product: python",
        text: ("message", sentence),
        kind: ("level", &["Error", "Warning", "Critical"]),
        address: "source.ip",
    },
    Source {
        logsource: "product: gatewatch, category: http.request",
        text: ("request.path", path),
        kind: ("response.status", STATUS),
        address: "source.ip",
    },
];
const SHAPES: usize = 8;

const PRODUCTS: [&str; 24] = [
    "confluence",
    "jenkins",
    "grafana",
    "nacos",
    "gitlab",
    "exchange",
    "sharepoint",
    "weblogic",
    "coldfusion",
    "struts",
    "telerik",
    "citrix",
    "fortigate",
    "ivanti",
    "moveit",
    "screenconnect",
    "vsphere",
    "zimbra",
    "drupal",
    "magento",
    "phpunit",
    "solr",
    "tomcat",
    "jboss",
];
const DEEDS: [&str; 16] = [
    "setup", "upload", "export", "console", "restore", "invoke", "register", "debug", "proxy", "import", "rotate",
    "backup", "execute", "download", "enroll", "delegate",
];
const ENDS: [&str; 8] = [".php", ".aspx", ".jsp", ".action", ".cgi", ".bak", ".zip", ".env"];
const PROVIDERS: [&str; 12] = [
    "Network/virtualHubs",
    "Compute/snapshots",
    "Storage/storageAccounts",
    "KeyVault/vaults",
    "Sql/servers",
    "Web/sites",
    "Authorization/policyAssignments",
    "ContainerRegistry/registries",
    "Automation/runbooks",
    "Logic/workflows",
    "ApiManagement/service",
    "Security/pricings",
];

/// Chance that is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, many: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % many
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

fn path(dice: &mut Dice) -> String {
    format!("/{}/{}{}", dice.of(&PRODUCTS), dice.of(&DEEDS), dice.of(&ENDS))
}

fn agent(dice: &mut Dice) -> String {
    format!("{}-{}/{}.{}", dice.of(&PRODUCTS), dice.of(&DEEDS), dice.below(9), dice.below(20))
}

fn operation(dice: &mut Dice) -> String {
    format!("Microsoft.{}/{}/action", dice.of(&PROVIDERS), dice.of(&DEEDS))
}

fn change(dice: &mut Dice) -> String {
    format!("{} {} to {}", dice.of(&["Add", "Update", "Remove", "Invite"]), dice.of(&DEEDS), dice.of(&PRODUCTS))
}

fn sentence(dice: &mut Dice) -> String {
    format!("{} of {} failed", dice.of(&DEEDS), dice.of(&PRODUCTS))
}

/// Returns `many` rules, by the names of their files.
pub fn rules(many: usize) -> Vec<(String, String)> {
    let mut dice = Dice(5);
    (0..many).map(|n| (format!("made-{n}.yml"), rule(n, &mut dice))).collect()
}

fn rule(n: usize, dice: &mut Dice) -> String {
    let source = &SOURCES[n % SOURCES.len()];
    let detection = detection(source, n / SOURCES.len() % SHAPES, dice);
    let logsource = source.logsource;
    format!(
        "title: Made up {n}\nid: 00000000-0000-4000-8000-{n:012}\nstatus: test\nlogsource: {{ {logsource} }}\n\
         detection:\n{detection}level: medium\n"
    )
}

fn detection(source: &Source, shape: usize, dice: &mut Dice) -> String {
    let ((text, of), (kind, kinds), address) = (source.text, source.kind, source.address);
    let whole = of(dice);
    let words: Vec<String> = std::iter::repeat_with(|| of(dice)).take(4).collect();
    let (beginning, end) = words[0].split_at(words[0].len() / 2);
    let (other, few) = (words[1].split_at(words[1].len() / 2).1, words[..3].join("', '"));
    let list = words.join("', '");
    let value = dice.of(kinds);
    let network = format!("{}.{}.0.0/16", 11 + dice.below(180), dice.below(250));
    match shape {
        0 => format!("  selection: {{ {text}|contains: ['{list}'] }}\n  condition: selection\n"),
        1 => format!(
            "  selection: {{ {text}|startswith: '{beginning}', {text}|endswith: ['{end}', '{other}'], {kind}: {value} }}\n  \
             condition: selection\n"
        ),
        2 => format!(
            "  selection: {{ {text}|endswith: ['{few}'] }}\n  office: {{ {address}|cidr: ['10.0.0.0/8', '{network}'] }}\n  \
             condition: selection and not office\n"
        ),
        3 => format!("  selection: {{ {text}|contains|all: ['{beginning}', '{end}'] }}\n  condition: selection\n"),
        4 => format!(
            "  selection: {{ {text}|re: '(?i){beginning}[a-z0-9]{{2,12}}{other}\\d*$', {kind}: {value} }}\n  \
             condition: selection\n"
        ),
        5 => format!(
            "  selection: {{ {text}: ['{list}'] }}\n  filter_kind: {{ {kind}: {value} }}\n  filter_known: \
             {{ {text}|startswith: '{beginning}' }}\n  condition: selection and not 1 of filter_*\n"
        ),
        6 => format!(
            "  selection_whole: {{ {text}: '{whole}' }}\n  selection_part: {{ {text}|contains: ['{few}'], {kind}: {value} }}\n  \
             selection_re: {{ {text}|re: '^{whole}[?#&]' }}\n  condition: 1 of selection_*\n"
        ),
        _ => format!(
            "  selection: {{ {text}|contains: '{end}' }}\n  network: {{ {address}|cidr: '{network}' }}\n  \
             condition: selection and network\n"
        ),
    }
}
