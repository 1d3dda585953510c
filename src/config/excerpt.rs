//! How does a line of the configuration look, in which something is wrong, without the secrets in it?
//!
//! Every value that may be a secret by its name or its look is cut out, and every comment, in the whole file; places are
//! moved accordingly. What is no TOML is told apart by its lines: what a known name that holds no secret sets is shown,
//! all else is cut out. As many cuts as the file has values.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::hidden::{holds_secret, instead, is_key, may_be_secret};

/// Stands where something was cut out.
const CUT: &str = "…";

/// A configuration's text that can be shown.
#[derive(Debug)]
pub(super) struct Excerpt {
    text: String,
    /// What was cut out, ascending and apart.
    cuts: Vec<Range<usize>>,
    /// How long what stands in place of each is, by where it began.
    lengths: BTreeMap<usize, usize>,
    /// The texts that were cut out, which messages may repeat.
    values: Vec<String>,
}

impl Excerpt {
    /// Cuts out of `text`, a configuration, what may be a secret.
    pub(super) fn of(text: &str) -> Self {
        let (root, syntax) = DeTable::parse_recoverable(text);
        let mut found = Finding::default();
        if syntax.is_empty() {
            found.table(&mut Vec::new(), root.get_ref());
            found.comments(text);
        } else {
            found.lines(text);
        }
        let Finding { mut cuts, values, .. } = found;
        cuts.retain(|cut| cut.start < cut.end && text.is_char_boundary(cut.start) && text.is_char_boundary(cut.end));
        cuts.sort_by_key(|cut| (cut.start, std::cmp::Reverse(cut.end)));
        cuts.dedup_by(|later, earlier| later.start < earlier.end);
        let lengths = cuts.iter().map(|cut| (cut.start, instead_of(&text[cut.clone()]).len())).collect();
        Self { text: without(text, &cuts), cuts, lengths, values }
    }

    /// Returns what can be shown.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns where in that the place `at` of the configuration lies.
    pub(super) fn at(&self, at: &Range<usize>) -> Range<usize> {
        let (start, end) = (self.moved(at.start, false), self.moved(at.end, true));
        start..end.max(start)
    }

    fn moved(&self, place: usize, end: bool) -> usize {
        let mut moved = place;
        for cut in &self.cuts {
            if place <= cut.start {
                break;
            }
            if place < cut.end {
                return moved - (place - cut.start) + if end { self.left(cut) } else { 0 };
            }
            moved = moved - cut.len() + self.left(cut);
        }
        moved.min(self.text.len())
    }

    /// Returns how long what stands in a cut's place is.
    fn left(&self, cut: &Range<usize>) -> usize {
        self.lengths.get(&cut.start).copied().unwrap_or_default()
    }

    /// Returns a message about the configuration without what was cut out.
    pub(super) fn says(&self, says: &str) -> String {
        let mut says = says.to_owned();
        for value in &self.values {
            let quoted = [format!("{value:?}"), format!("`{value}`"), format!("'{value}'")];
            for (quoted, mark) in quoted.iter().zip(["\"", "`", "'"]) {
                says = says.replace(quoted, &format!("{mark}{CUT}{mark}"));
            }
            if value.chars().count() >= 6 {
                says = says.replace(value.as_str(), CUT);
            }
        }
        says
    }
}

/// Returns what stands in place of a text: lines stay the lines that they are.
fn instead_of(text: &str) -> String {
    format!("{CUT}{}", "\n".repeat(text.matches('\n').count()))
}

fn without(text: &str, cuts: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for cut in cuts {
        out.push_str(&text[from..cut.start]);
        out.push_str(&instead_of(&text[cut.clone()]));
        from = cut.end;
    }
    out.push_str(&text[from..]);
    out
}

#[derive(Default)]
struct Finding {
    cuts: Vec<Range<usize>>,
    values: Vec<String>,
    /// Texts and names in quotes, in which no comment begins.
    quoted: Vec<Range<usize>>,
}

impl Finding {
    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        for (key, value) in table {
            self.quoted.push(key.span());
            let is_name = path.len() == 1 && path[0] == "keys";
            if holds_secret(key.get_ref()) || (is_name && is_key(key.get_ref())) {
                self.cut(key.span(), key.get_ref().to_string());
            }
            path.push(key.get_ref().to_string());
            self.value(path, value);
            path.pop();
        }
    }

    fn value(&mut self, path: &mut Vec<String>, value: &Spanned<DeValue<'_>>) {
        let at = value.span();
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match value.get_ref() {
            DeValue::Table(table) => self.table(path, table),
            DeValue::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    path.push(format!("[{n}]"));
                    self.value(path, item);
                    path.pop();
                }
            }
            DeValue::String(text) => {
                self.quoted.push(at.clone());
                if may_be_secret(&names) || instead(text, &names).is_some() {
                    self.cut(at.start + 1..at.end.saturating_sub(1), text.to_string());
                }
            }
            DeValue::Integer(number) if may_be_secret(&names) => self.cut(at, number.as_str().to_owned()),
            DeValue::Float(number) if may_be_secret(&names) => self.cut(at, number.as_str().to_owned()),
            DeValue::Datetime(time) if may_be_secret(&names) => self.cut(at, time.to_string()),
            _ => {}
        }
    }

    fn cut(&mut self, at: Range<usize>, value: String) {
        self.cuts.push(at);
        if !value.is_empty() {
            self.values.push(value);
        }
    }

    /// Cuts out what comments say.
    fn comments(&mut self, text: &str) {
        self.quoted.sort_by_key(|at| at.start);
        let mut quoted = self.quoted.iter().peekable();
        let mut from = 0;
        while let Some(at) = text[from..].find('#').map(|at| from + at) {
            while quoted.next_if(|quoted| quoted.end <= at).is_some() {}
            from = match quoted.peek() {
                Some(quoted) if quoted.start <= at => quoted.end,
                _ => {
                    let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
                    self.cuts.push(at + 1..end);
                    end
                }
            };
        }
    }

    /// Cuts out of what is no TOML all that no known name sets.
    fn lines(&mut self, text: &str) {
        let (mut section, mut list, mut within, mut from) = (Vec::new(), false, None, 0);
        for line in text.split_inclusive('\n') {
            let start = from;
            from += line.len();
            let line = line.trim_end();
            let inner = start + line.len() - line.trim_start().len();
            let end = start + line.len();
            if let Some(quotes) = within {
                // A text of several lines that nothing is known of.
                within = within.filter(|_| !line.contains(quotes));
                self.cuts.push(inner..end);
                continue;
            }
            let header =
                line.trim_start().strip_prefix('[').filter(|_| line.bytes().all(|byte| is_plain(byte, b" []")));
            if let Some(name) = header.filter(|_| !list) {
                section = names(name.trim_matches(['[', ']', ' ']));
                continue;
            }
            let Some((name, value)) = line.split_once('=') else {
                if !list || line.contains('#') || holds_secret(line) {
                    self.cuts.push(inner..end);
                }
                list &= !line.ends_with(']');
                continue;
            };
            let path: Vec<String> = section.iter().cloned().chain(names(name)).collect();
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let plain = name.trim().bytes().all(|byte| is_plain(byte, b""));
            let shown = !may_be_secret(&path) && !value.contains(['=', '#']) && instead(value, &path).is_none();
            if !(plain && shown) {
                self.cuts.push(if plain { inner + name.trim_start().len() + 1 } else { inner }..end);
                within = ["\"\"\"", "'''"].into_iter().find(|quotes| value.matches(quotes).count() == 1);
            }
            list = plain && shown && value.trim_start().starts_with('[') && !value.ends_with(']');
        }
    }
}

/// Tells whether a byte may stand in a bare name, or is one of `more`.
fn is_plain(byte: u8, more: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.".contains(&byte) || more.contains(&byte)
}

fn names(text: &str) -> Vec<String> {
    text.split('.').map(|name| name.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{load, render};

    /// What is shown of the problems of a configuration.
    fn shown(text: &str) -> String {
        render(&load("gatewatch.toml", text).expect_err("it has problems"), text, false)
    }

    #[test]
    fn no_secret_is_shown_of_a_line_in_which_something_is_wrong() {
        let kafka = "[sources.kafka.a]\nbrokers = 'b:9092'\ntopics = ['t']\n";
        for wrong in [
            "security.pasword = 'hunter2hunter2'",
            "security.password = { value = 'hunter2hunter2' }",
            "security.password = { file = '/x', env = 'X', text = 'hunter2hunter2' }",
            "security.password = ['hunter2hunter2']",
            "security.password = { env = 'hunter2hunter2==' }",
            "security = 'hunter2hunter2'",
            "advanced = 'sasl.password=hunter2hunter2'",
            "advanced = { 'ssl.key.password' = ['hunter2hunter2'] }",
            "pasword = 'hunter2hunter2' # not hunter2hunter2",
            "brokerz = '''\nhunter2hunter2\n'''",
            // What is no TOML.
            "security.password = hunter2hunter2",
            "security.password = \"hunter2hunter2",
            "security.password = \"\"\"\nhunter2hunter2 = x\n",
            "'security'.password = hunter2hunter2",
            "topics = x security.password = 'hunter2hunter2'",
            "group = 'g'\nhunter2hunter2",
            "security.password 'hunter2hunter2'",
            "security = { password = 'hunter2hunter2' ",
        ] {
            let told = shown(&format!("{kafka}{wrong}\n"));
            assert!(!told.contains("hunter2") && told.contains("gatewatch.toml:"), "{wrong}:\n{told}");
        }
        let told =
            shown("[sinks.slack]\nurl = 'https://hooks.example/hunter2'\n[heartbeat]\nurl = 'beat.example/hunter2'\n");
        assert!(!told.contains("hunter2"), "{told}");
    }

    #[test]
    fn what_is_wrong_is_shown_where_it_can_be_no_secret() {
        let text = "\
[sources.file.a]
paths = ['/var/log/*.json']
start = 'sometimes'
[[routes]]
to = ['ops', 'nobody']
at_least = 'highest'
[detection]
lateness = 'soon'
[sinks.kafka.x]
topic = 't'
brokers = 'b:1'
security = { sasl = 'scram', password = 'hunter2' }
";
        let told = shown(text);
        for part in ["'sometimes'", "'highest'", "'soon'", "sasl = 'scram', password = '…'"] {
            assert!(told.contains(part), "{part} is not in\n{told}");
        }
        let line = told.lines().skip_while(|line| !line.contains("'soon'")).nth(1).unwrap_or_default();
        assert!(line.contains("^^^^^^"), "{told}");
        let broken =
            shown("[detection]\nlateness = \"30s\nthreads = 2\n[sources.file.a]\npaths = [\n  '/a',\n  '/b\n]\n");
        assert!(broken.contains("lateness = \"30s"), "{broken}");
    }

    #[test]
    fn the_caret_stands_under_the_place_behind_what_was_cut_out() {
        let text = "[sinks]\nkafka.x = { topic = 't', pasword = 'a long one', brokers = 'b:1', format = 'xml' }\n";
        let told = shown(text);
        let lines: Vec<&str> = told.lines().collect();
        let at = lines.iter().rposition(|line| line.contains("'xml'")).unwrap();
        let (place, caret) = (lines[at].chars().position(|c| c == 'x'), lines[at + 1].chars().position(|c| c == '^'));
        assert!(place.is_some() && caret.is_some(), "{told}");
        let before = |line: &str, until: &str| line.find(until).map(|end| line[..end].chars().count());
        assert_eq!(before(lines[at], "'xml'"), before(lines[at + 1], "^"), "{told}");
    }
}
