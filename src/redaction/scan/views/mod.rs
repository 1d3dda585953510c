//! What does this text hold once it is decoded, and which of its bytes must go?
//!
//! Escapes, base64 and values folded over lines are read into a text of their own, all of a batch
//! into one, and that text is searched as any other; what is found there is hidden in the bytes it
//! was read from, so that they decode to the same but for what was hidden. A text read so is looked
//! into again, [`DEPTH`] times at most, and a message gives at most [`GROWTH`] times its length and
//! [`SPARE`] bytes to all of it together: what goes beyond is hidden whole, as `unscanned`.

mod escapes;
mod folds;
mod inside;
mod packed;

use std::ops::Range;

use super::gates::Gates;
use super::merge::merge;
use super::{Found, Kind, Scanner, settle, settle_shapes};
use crate::redaction::people::People;
use crate::telemetry::Confidence;

pub use escapes::{entity, is_escape};
pub use folds::{RESTLESS, goes_on};
pub use inside::Inside;
use inside::Layer;
pub use packed::is_packed_text;

/// How often a text is read out of a text.
pub const DEPTH: usize = 6;
/// How many times its own length a message may give.
const GROWTH: usize = 8;
/// How much more than that, bytes.
const SPARE: usize = 64 << 10;

/// What looks into texts.
#[derive(Clone, Copy)]
pub struct Looking<'l> {
    /// Finds secrets.
    pub scanner: &'l Scanner,
    /// Finds numbers of people, if they are looked for.
    pub people: Option<&'l People>,
}

/// How a view was read.
#[derive(Debug)]
enum How {
    /// Its escapes undone; those of percent are written this often over. What is `whole` ends where its string does.
    Escaped { offsets: usize, percent: u8, whole: bool },
    /// Its line breaks left out, at these places of the view.
    Folded { offsets: usize, breaks: Vec<u32> },
    /// Base64, in one alphabet or another; of UTF-16 if it has offsets.
    Packed { wide: Option<usize>, alphabet: inside::Alphabet },
}

/// A text that was read out of another.
#[derive(Debug)]
struct View {
    /// Which text it was read from, by its number.
    parent: u32,
    /// Which message that lies in.
    root: u32,
    /// Its bytes there.
    outer: Range<usize>,
    /// Where it lies among the texts of its level.
    inner: Range<usize>,
    how: How,
}

/// Texts that lie in one buffer, and what was found in them.
struct Texts<'t> {
    text: &'t [u8],
    /// Where in it something may be worth decoding.
    gates: &'t Gates,
    ranges: &'t [Range<usize>],
    /// The views they are; none if they are messages.
    views: &'t [View],
}

impl Texts<'_> {
    fn root(&self, number: usize) -> u32 {
        self.views.get(number).map_or(number as u32, |view| view.root)
    }

    /// Tells whether nothing but base64 is looked for in it.
    fn is_folded(&self, number: usize) -> bool {
        self.views.get(number).is_some_and(|view| matches!(view.how, How::Folded { .. }))
    }
}

/// The views of one level, while they are gathered.
struct Gathering<'t> {
    texts: &'t Texts<'t>,
    /// What needs no look: it is hidden for sure. Ascending.
    covered: Vec<Range<usize>>,
    deepest: bool,
    /// How much of each message has been decoded.
    spent: &'t mut Vec<usize>,
    limits: &'t [Range<usize>],
    text: Vec<u8>,
    offsets: Vec<u32>,
    views: Vec<View>,
    refused: Vec<(u32, Found)>,
}

impl Gathering<'_> {
    /// Tells whether the bytes `outer` of text `parent` may be decoded; hides them whole if not.
    fn may(&mut self, parent: usize, outer: &Range<usize>) -> bool {
        self.may_or_hide(parent, outer, outer)
    }

    /// Tells whether the bytes `outer` of text `parent` may be decoded; hides `part` of them if not.
    fn may_or_hide(&mut self, parent: usize, outer: &Range<usize>, part: &Range<usize>) -> bool {
        let root = self.texts.root(parent) as usize;
        if self.spent.is_empty() {
            self.spent.resize(self.limits.len(), 0);
        }
        let limit = self.limits.get(root).map_or(0, |message| message.len() * GROWTH + SPARE);
        let within = self.spent.get_mut(root).is_some_and(|spent| {
            *spent += outer.len();
            *spent <= limit
        });
        if within && !self.deepest {
            return true;
        }
        let start = self.texts.ranges[parent].start;
        let span = part.start - start..part.end - start;
        self.refused.push((parent as u32, Found::new(span, Kind::Unscanned, Confidence::Suspected)));
        false
    }

    /// Takes what was appended to the text since `from` as a view of `outer`.
    fn view(&mut self, parent: usize, outer: Range<usize>, from: usize, how: How) {
        let root = self.texts.root(parent);
        self.views.push(View { parent: parent as u32, root, outer, inner: from..self.text.len(), how });
    }
}

/// Where we are among the texts and among what needs no look, going forwards.
#[derive(Default)]
struct Cursor {
    text: usize,
    cover: usize,
}

impl Cursor {
    /// Returns the number and range of the text around byte `at`.
    fn around(&mut self, texts: &Texts<'_>, at: usize) -> Option<(usize, Range<usize>)> {
        while texts.ranges.get(self.text).is_some_and(|range| range.end <= at) {
            self.text += 1;
        }
        let range = texts.ranges.get(self.text).filter(|range| range.start <= at)?;
        Some((self.text, range.clone()))
    }

    /// Returns where what covers byte `at` ends.
    fn covered(&mut self, covered: &[Range<usize>], at: usize) -> Option<usize> {
        while covered.get(self.cover).is_some_and(|span| span.end <= at) {
            self.cover += 1;
        }
        covered.get(self.cover).filter(|span| span.start <= at).map(|span| span.end)
    }
}

/// Appends what must be hidden in views of the messages at `ranges` of `text` to `found`, which
/// holds what was found in them as they are; both are sorted by message.
pub fn look(looking: &Looking<'_>, text: &[u8], gates: &Gates, ranges: &[Range<usize>], found: &mut Vec<(u32, Found)>) {
    let mut spent = Vec::new();
    level(looking, &Texts { text, gates, ranges, views: &[] }, ranges, &mut spent, found, DEPTH);
}

fn level(
    looking: &Looking<'_>,
    texts: &Texts<'_>,
    limits: &[Range<usize>],
    spent: &mut Vec<usize>,
    found: &mut Vec<(u32, Found)>,
    deeper: usize,
) {
    let mut gathering = Gathering {
        texts,
        covered: covered(texts, found),
        deepest: deeper == 0,
        spent,
        limits,
        text: Vec::new(),
        offsets: Vec::new(),
        views: Vec::new(),
        refused: Vec::new(),
    };
    let Looking { scanner, people } = *looking;
    escapes::gather(&mut gathering);
    packed::gather(&mut gathering);
    folds::gather(&mut gathering);
    let Gathering { text, offsets, views, refused, .. } = gathering;
    if views.is_empty() && refused.is_empty() {
        return;
    }
    found.extend(refused);
    let mut inner = Vec::new();
    let mut list = Vec::new();
    let mut hits = scanner.hits(&text);
    let mut numbers = people.map(|people| (people, people.hits(&mut hits.gates)));
    let ranges: Vec<Range<usize>> = views.iter().map(|view| view.inner.clone()).collect();
    for (number, view) in (0_u32..).zip(&views) {
        let range = view.inner.clone();
        if matches!(view.how, How::Folded { .. }) {
            settle_shapes(&text, range, &mut hits, &mut list);
        } else {
            let stretch = matches!(view.how, How::Escaped { whole: false, .. });
            settle(&text, range.clone(), stretch, &mut hits, &mut list);
            if let Some((people, numbers)) = &mut numbers {
                people.settle(&text, range.clone(), numbers, &mut list);
            }
            // Where the next line goes on with it, an escape does too.
            if ends_there(texts, view) {
                for one in &mut list {
                    one.take_rest(&text[range.clone()]);
                }
            }
        }
        inner.extend(list.drain(..).map(|one| (number, one)));
    }
    if !views.is_empty() {
        let texts = Texts { text: &text, gates: &hits.gates, ranges: &ranges, views: &views };
        level(looking, &texts, limits, spent, &mut inner, deeper - 1);
    }
    put_back(texts, &text, &offsets, &views, inner, found);
    found.sort_by_key(|(number, _)| *number);
}

/// Tells whether a text goes on nowhere behind its `view`: not in the next line, nor where the text around it does.
fn ends_there(texts: &Texts<'_>, view: &View) -> bool {
    match view.how {
        How::Packed { .. } => folds::onwards_at(texts, view).is_none(),
        _ => texts.views.is_empty() || view.outer.end < texts.ranges[view.parent as usize].end,
    }
}

/// Appends to `found` what was found `inner`, in the `views`, where it stands in the texts they were
/// read from.
fn put_back(
    texts: &Texts<'_>,
    text: &[u8],
    offsets: &[u32],
    views: &[View],
    inner: Vec<(u32, Found)>,
    found: &mut Vec<(u32, Found)>,
) {
    let seen = folds::Seen {
        proven: covered(texts, found),
        secret: spans(texts, found, |one| one.kind.secret() && !one.yields),
    };
    let mut rest = inner.into_iter().peekable();
    let (mut list, mut last) = (Vec::new(), 0..0);
    for (number, view) in (0_u32..).zip(views) {
        while let Some((_, one)) = rest.next_if(|(this, _)| *this == number) {
            list.push(one);
        }
        if list.is_empty() {
            continue;
        }
        merge(&mut list);
        let start = texts.ranges[view.parent as usize].start;
        let mut put = |mut one: Found| {
            one.span = one.span.start - start..one.span.end - start;
            one.value = one.span.clone();
            found.push((view.parent, one));
        };
        let read = &text[view.inner.clone()];
        match &view.how {
            How::Escaped { offsets: at, percent, .. } => {
                let places = &offsets[*at..];
                let escaped = |one| inside::mapped(one, read, places, Some(Layer::Escaped(*percent)));
                list.drain(..).map(escaped).for_each(put);
            }
            How::Folded { offsets: at, breaks } => {
                let places = &offsets[*at..];
                list.retain(|one| folds::holds(one, read, breaks, places, &seen, &last));
                for mut one in list.drain(..) {
                    folds::doubt(&mut one, read, breaks);
                    let one = inside::mapped(one, read, places, None);
                    last = one.span.clone();
                    put(one);
                }
            }
            How::Packed { wide, alphabet } => {
                let places = wide.map(|at| &offsets[at..]);
                let outer = &texts.text[view.outer.clone()];
                packed::mapped(&mut list, read, outer, view.outer.start, places, *alphabet).into_iter().for_each(put);
            }
        }
    }
}

/// Returns what of `texts` is hidden for sure, ascending.
fn covered(texts: &Texts<'_>, found: &[(u32, Found)]) -> Vec<Range<usize>> {
    spans(texts, found, |one| one.confidence == Confidence::Proven)
}

fn spans(texts: &Texts<'_>, found: &[(u32, Found)], which: impl Fn(&Found) -> bool) -> Vec<Range<usize>> {
    let chosen = found.iter().filter(|(_, one)| which(one) && !one.already);
    let mut spans: Vec<Range<usize>> = chosen
        .map(|(number, one)| {
            let start = texts.ranges[*number as usize].start;
            start + one.span.start..start + one.span.end
        })
        .collect();
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    let mut kept = 0;
    for at in 1..spans.len() {
        if spans[at].start <= spans[kept].end {
            spans[kept].end = spans[kept].end.max(spans[at].end);
        } else {
            kept += 1;
            spans.swap(kept, at);
        }
    }
    spans.truncate(kept + 1);
    spans
}
