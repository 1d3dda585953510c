//! What does `model.yaml` say of deployment slots?
//!
//! A slot that is declared is an app of its own, called `app/slot`: it has what is said of its app, its
//! functions too, but for ways, networks and what its identity reaches, which it says for itself. What a
//! function says itself holds in every slot. One that is not declared has what is said of its app, and no
//! ways. At most 20 of one app, and as many sites and endpoints in all as without slots.

use super::own::Own;
use super::sites::{OF_MEANT, Room, items, name, reaches};
use super::{Endpoint, Meant, Site};
use crate::posture::Problems;
use crate::posture::document::Located;

/// Slots read of one app; Azure allows 20.
const MAX_SLOTS: usize = 20;

/// Reads the slots of an app, as apps of their own.
pub(super) fn read(list: Located, (app, own): (&Site, &[Own]), room: &mut Room, problems: &mut Problems) -> Vec<Site> {
    let mut slots: Vec<Site> = Vec::new();
    let list = items(list, "slots", problems);
    if let Some(beyond) = list.get(MAX_SLOTS) {
        problems.add(beyond.line, format!("`slots` has more than {MAX_SLOTS} items; Azure allows no more."));
    }
    for item in list.into_iter().take(MAX_SLOTS) {
        let line = item.line;
        let Some(mut section) = item.section("A slot", problems) else { continue };
        let name = name(&mut section, "Name the slot as Azure does, such as `name: staging`.", false, problems);
        let outer = Meant { gateways: None, networks: None, ..app.meant.clone() };
        let meant = Own::take(&mut section, problems).within(&outer);
        let reaches = reaches(&mut section, problems);
        let keys: Vec<&str> = OF_MEANT.iter().copied().chain(["reaches"]).collect();
        section.finish("a key of a slot", &keys, problems);
        let Some(name) = name else { continue };
        if name == "production" {
            problems.add(line, "`production` is the app itself. Say it there.");
        }
        let whole = format!("{}/{name}", app.name);
        if slots.iter().any(|known| *known.name == *whole) {
            problems.add(line, format!("There are two slots `{whole}`. Keep one of them."));
        }
        if let Err(says) = room.take(app.endpoints.len()) {
            problems.add(line, says);
            break;
        }
        let of = |(one, own): (&Endpoint, &Own)| Endpoint {
            name: one.name.replacen(&*app.name, &whole, 1).into(),
            route: one.route.clone(),
            meant: own.without_ways().within(&meant),
            line: one.line,
        };
        let endpoints = app.endpoints.iter().zip(own).map(of).collect();
        slots.push(Site {
            name: whole.as_str().into(),
            gateway: false,
            owner: app.owner.clone(),
            sensitive: app.sensitive,
            meant,
            route_prefix: app.route_prefix.clone(),
            reaches,
            endpoints,
            complete: app.complete,
            line,
        });
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::super::Intended;
    use crate::clock::Timestamp;
    use crate::posture::controls::shipped;

    fn read(text: &str) -> Result<Intended, String> {
        let controls = shipped().unwrap();
        let now = Timestamp::from_seconds(1_795_442_400);
        let told = |problems: Vec<_>| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        Intended::read("model.yaml", text, &controls, now).map_err(told)
    }

    #[test]
    fn what_a_function_says_itself_holds_in_a_slot_and_what_it_does_not_is_as_the_slot_says() {
        let text = "version: \"1\"\napps:\n  - name: shop\n    authentication: [jwt]\n    issuers: [\"https://id.example\"]\n    \
            functions:\n      - { name: health, authentication: [anonymous] }\n      - { name: pay, authentication: [jwt] }\n      \
            - { name: list }\n    slots:\n      - { name: test, authentication: [easy-auth], issuers: [\"https://test.example\"] }\n";
        let intended = read(text).unwrap();
        let slot = intended.sites.iter().find(|site| &*site.name == "shop/test").unwrap();
        let said: Vec<String> = slot
            .endpoints
            .iter()
            .map(|one| {
                let ways: Vec<&str> = one.meant.authentication.iter().map(|way| way.name()).collect();
                format!("{} {} {}", one.name, ways.join(","), one.meant.issuers.join(","))
            })
            .collect();
        assert_eq!(
            said,
            [
                "shop/test/health anonymous ",
                "shop/test/pay jwt https://test.example",
                "shop/test/list easy-auth https://test.example"
            ]
        );
    }

    #[test]
    fn slots_count_among_the_sites_that_are_read() {
        let apps: Vec<String> = (0..1_999).map(|n| format!("  - {{ name: a{n}, slots: [{{ name: x }}] }}")).collect();
        let says = read(&format!("version: \"1\"\napps:\n{}\n", apps.join("\n"))).unwrap_err();
        assert!(says.contains("more than 2000 apps and gateways"), "{says}");
    }
}
