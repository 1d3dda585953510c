//! May people come in the way the configuration says?
//!
//! What reads well and lets nobody in, or lets codes and cookies go in the clear, is a problem with
//! its place; the rest is made into the ways that the dashboard knows.

use std::net::IpAddr;
use std::sync::Arc;

use crate::access::{Algorithm, EasyAuth, Jwt, JwtSettings, Networks, Oidc, OidcSettings, RoleSettings, Tls, Ways};
use crate::clock::Clock;
use crate::sources::Secret;

use super::Dashboard;

/// Checks `[dashboard]`.
pub(super) fn check(dashboard: &Dashboard, wrong: &mut impl FnMut(&str, &str, &str)) {
    let external = dashboard.external_url.as_deref();
    if external.is_some_and(|url| !is_origin(url)) {
        wrong(
            "dashboard.external_url",
            "this is no address of a dashboard: scheme and host alone were expected, and a port if it has one",
            "write external_url = \"https://gatewatch.example.net\"",
        );
    }
    if dashboard.encrypted() && external.is_some_and(|url| url.starts_with("http://") && !on_this_machine(url)) {
        wrong(
            "dashboard.external_url",
            "it begins with http://, while others reach the dashboard by TLS",
            "write https://, or leave out tls and behind_tls_proxy",
        );
    }
    if !dashboard.encrypted() && !dashboard.listen.ip().to_canonical().is_loopback() {
        wrong(
            "dashboard.listen",
            "others can reach it, and what they send would go in the clear",
            "write [dashboard.tls] with certificate and key, or behind_tls_proxy = true if a proxy in front of it ends TLS; or listen on 127.0.0.1",
        );
    }
    if dashboard.tls.is_some() && dashboard.behind_tls_proxy {
        wrong(
            "dashboard.behind_tls_proxy",
            "TLS ends here and in a proxy",
            "leave out one of behind_tls_proxy and [dashboard.tls]; a proxy may speak TLS to us without the former",
        );
    }
    wide("dashboard.trusted_proxies", &dashboard.trusted_proxies, wrong);
    if let Some(jwt) = &dashboard.jwt {
        jwt_settings(jwt, wrong);
    }
    if let Some(oidc) = &dashboard.oidc {
        oidc_settings(oidc, external, wrong);
    }
    if let Some(easy_auth) = &dashboard.easy_auth {
        if easy_auth.trusted.is_empty() {
            wrong(
                "dashboard.easy_auth.trusted",
                "no network is named, so nobody's headers would count",
                "write trusted = [\"169.254.0.0/16\"], from where the platform's front end calls",
            );
        }
        wide("dashboard.easy_auth.trusted", &easy_auth.trusted, wrong);
        roles("dashboard.easy_auth", &easy_auth.roles, wrong);
    }
}

fn jwt_settings(jwt: &JwtSettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    provider("dashboard.jwt", &jwt.issuer, &jwt.algorithms, wrong);
    if let Some(url) = jwt.jwks_url.as_deref().filter(|url| !safe(url)) {
        wrong(
            "dashboard.jwt.jwks_url",
            &format!("{url:?} is no https:// address"),
            "keys are fetched over TLS alone, but on this machine; leave it out to ask the issuer where they are",
        );
    }
    if jwt.audience.iter().all(|audience| audience.trim().is_empty()) {
        wrong(
            "dashboard.jwt.audience",
            "no audience is named, so a token for anybody else would do",
            "write audience = [\"api://…\"], what stands in `aud` of tokens for this dashboard",
        );
    }
    roles("dashboard.jwt", &jwt.roles, wrong);
}

fn oidc_settings(oidc: &OidcSettings<Secret>, external: Option<&str>, wrong: &mut impl FnMut(&str, &str, &str)) {
    provider("dashboard.oidc", &oidc.issuer, &oidc.algorithms, wrong);
    if oidc.client_id.trim().is_empty() {
        wrong("dashboard.oidc.client_id", "no client id is named", "write the application's id at the provider");
    }
    if !external.is_some_and(safe) {
        wrong(
            "dashboard.oidc",
            "the provider could not send people back: no external_url with https:// is named",
            "write external_url = \"https://gatewatch.example.net\" in [dashboard]",
        );
    }
    roles("dashboard.oidc", &oidc.roles, wrong);
}

fn provider(path: &str, issuer: &str, algorithms: &[Algorithm], wrong: &mut impl FnMut(&str, &str, &str)) {
    if !safe(issuer) {
        wrong(
            &format!("{path}.issuer"),
            &format!("{issuer:?} is no https:// address"),
            "write exactly what stands in `iss`, such as \"https://login.microsoftonline.com/TENANT/v2.0\"",
        );
    }
    if algorithms.is_empty() {
        wrong(&format!("{path}.algorithms"), "no algorithm is named, so no token would do", "leave it out");
    }
}

fn wide(path: &str, networks: &Networks, wrong: &mut impl FnMut(&str, &str, &str)) {
    if let Some(network) = networks.too_wide() {
        wrong(
            path,
            &format!("{network} is wider than a /8, of IPv6 a /16: strangers in it could say they are somebody else"),
            "write the proxy's own address or network, such as \"10.0.0.4\" or \"10.0.0.0/24\"",
        );
    }
}

fn roles(path: &str, roles: &RoleSettings, wrong: &mut impl FnMut(&str, &str, &str)) {
    if roles.hold_nothing() {
        wrong(
            &format!("{path}.roles"),
            "an empty value gives a role",
            "leave it out, or write the value that was meant",
        );
    }
    if roles.admit_nobody() {
        wrong(
            &format!("{path}.roles"),
            "no value gives a role, so nobody could come in",
            "write roles = { operator = [\"Gatewatch.Operator\"] }",
        );
    }
}

/// Tells whether the dashboard would take it, which it does of an origin.
fn is_origin(url: &str) -> bool {
    let web = url.starts_with("https://") || url.starts_with("http://");
    web && tower_http::csrf::CsrfLayer::new().add_trusted_origin(url.trim_end_matches('/')).is_ok()
}

/// Tells whether what is sent there can't be read on its way.
fn safe(url: &str) -> bool {
    let host = |rest: &str| !rest.is_empty() && !rest.starts_with('/');
    url.strip_prefix("https://").is_some_and(host) || (url.starts_with("http://") && on_this_machine(url))
}

fn on_this_machine(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or_default().split(['/', '?']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Makes the ways in that are configured; reads certificates and secrets, asks no provider yet.
///
/// # Errors
///
/// Says what can't be read, and how to mend it.
pub fn ways(dashboard: &Dashboard, clock: &Clock) -> Result<Ways, String> {
    let oidc = dashboard.oidc.clone().map(|settings| {
        let settings = settings.with_secret(|secret| {
            secret.resolve(&super::variable).map_err(|why| format!("client_secret in [dashboard.oidc]: {why}"))
        })?;
        let external = dashboard.external_url.as_deref().unwrap_or_default();
        Oidc::new(settings, external, clock.clone()).map_err(|why| format!("[dashboard.oidc]: {why}"))
    });
    let jwt = dashboard
        .jwt
        .clone()
        .map(|settings| Jwt::new(settings, clock.clone()).map_err(|why| format!("[dashboard.jwt]: {why}")));
    let tls =
        dashboard.tls.clone().map(|settings| Tls::open(settings).map_err(|why| format!("[dashboard.tls]: {why}")));
    Ok(Ways {
        proxies: dashboard.trusted_proxies.clone(),
        encrypted: dashboard.encrypted(),
        tls: tls.transpose()?.map(Arc::new),
        jwt: jwt.transpose()?,
        oidc: oidc.transpose()?,
        easy_auth: dashboard.easy_auth.clone().map(EasyAuth::new),
    })
}

#[cfg(test)]
mod tests {
    use super::super::load;

    /// What is wrong with these lines in `[dashboard]`: what stands at the place, and what is said.
    fn problems(dashboard: &str) -> Vec<String> {
        let text = format!("[dashboard]\n{dashboard}");
        let problems = load("gatewatch.toml", &text).err().unwrap_or_default();
        problems.iter().map(|problem| problem.says.clone()).collect()
    }

    const ROLES: &str = "roles = { operator = ['o'] }";

    #[test]
    fn a_sound_way_in_is_no_problem() {
        let oidc = format!(
            "external_url = 'https://g.example'\n[dashboard.oidc]\nissuer = 'https://i.example/v2.0'\nclient_id = 'c'\nclient_secret = {{ env = 'X' }}\n{ROLES}\n"
        );
        let jwt = format!(
            "[dashboard.jwt]\nissuer = 'https://i.example'\naudience = ['api://x']\nalgorithms = ['ES256']\n{ROLES}\n"
        );
        let easy = format!("[dashboard.easy_auth]\ntrusted = ['169.254.0.0/16']\n{ROLES}\n");
        let tls = "[dashboard.tls]\ncertificate = 'c.pem'\nkey = 'k.pem'\n";
        assert_eq!(problems(&format!("{oidc}{jwt}{easy}{tls}")), [""; 0]);
        let here = format!(
            "external_url = 'http://localhost:8321'\nbehind_tls_proxy = true\n[dashboard.oidc]\nissuer = 'http://127.0.0.1:9/'\nclient_id = 'c'\n{ROLES}\n"
        );
        assert_eq!(problems(&here), [""; 0]);
    }

    #[test]
    fn a_way_that_lets_nobody_in_or_everybody_is_a_problem() {
        let jwt = problems(
            "[dashboard.jwt]\nissuer = 'http://i.example'\naudience = []\nalgorithms = []\njwks_url = 'http://127.0.0.1.evil.example/k'\n",
        );
        for (says, part) in
            jwt.iter().zip(["no https://", "no algorithm", "no https://", "no audience", "no value gives"])
        {
            assert!(says.contains(part), "{says} / {part}");
        }
        assert_eq!(jwt.len(), 5, "{jwt:?}");
        let oidc = problems("[dashboard.oidc]\nissuer = 'https://i.example'\nclient_id = ''\n");
        assert_eq!(oidc.len(), 3, "{oidc:?}");
        assert_eq!(problems("[dashboard.easy_auth]\ntrusted = []\n").len(), 2);
    }

    #[test]
    fn the_address_of_the_pages_is_scheme_and_host() {
        for sound in ["https://g.example", "https://g.example/", "http://localhost:8321", "https://g.example:8443"] {
            assert_eq!(problems(&format!("external_url = '{sound}'\n")), [""; 0], "{sound}");
        }
        for wrong in ["g.example", "https://g.example/gatewatch", "https://", "ftp://g.example", "https://g.example?x"]
        {
            let says = problems(&format!("external_url = '{wrong}'\n"));
            assert!(says.len() == 1 && says[0].contains("no address of a dashboard"), "{wrong}: {says:?}");
        }
    }

    #[test]
    fn shared_secrets_and_unsigned_tokens_can_t_be_configured() {
        for name in ["HS256", "none"] {
            let says = problems(&format!(
                "[dashboard.jwt]\nissuer = 'https://i.example'\naudience = ['x']\nalgorithms = ['{name}']\n{ROLES}\n"
            ));
            assert!(says[0].contains("unknown variant"), "{says:?}");
        }
    }

    #[test]
    fn believing_everybody_and_an_empty_value_that_gives_a_role_are_problems() {
        for all in ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3"] {
            let says = problems(&format!("trusted_proxies = ['10.0.0.1', '{all}']\n"));
            assert!(says.len() == 1 && says[0].contains("is wider than"), "{all}: {says:?}");
            let easy = format!("[dashboard.easy_auth]\ntrusted = ['{all}']\n{ROLES}\n");
            assert_eq!(problems(&easy).len(), 1, "{all}");
        }
        assert_eq!(problems("trusted_proxies = ['10.0.0.0/8', '2001:db8::/32', 'fd00::/16']\n"), [""; 0]);
        let easy = "[dashboard.easy_auth]\ntrusted = ['169.254.0.0/16']\nroles = { viewer = ['v', ' '] }\n";
        assert!(problems(easy)[0].contains("an empty value"), "{:?}", problems(easy));
    }

    #[test]
    fn what_is_said_of_tls_must_agree() {
        assert_eq!(problems("external_url = 'http://g.example'\nbehind_tls_proxy = true\n").len(), 1);
        assert_eq!(problems("behind_tls_proxy = true\n[dashboard.tls]\ncertificate = 'c'\nkey = 'k'\n").len(), 1);
        assert_eq!(problems("listen = '0.0.0.0:8321'\n").len(), 1);
        assert_eq!(problems("listen = '0.0.0.0:8321'\nbehind_tls_proxy = true\n"), [""; 0]);
        assert_eq!(problems("trusted_proxies = ['10.0.0.0/8', 'proxy']\n").len(), 1);
    }
}
