//! Where does each box of a data-flow diagram stand, and how do its lines run?
//!
//! Columns from left to right, boxes in them ordered so that few lines cross. A line that passes a column
//! gets a lane of its own there, so that it runs beside boxes, never through one; its sign stands beside the
//! box that it leaves, where lines are far enough apart that no two signs touch. The same boxes and lines give
//! the same picture. As many steps as lines times columns, some dozen times; callers bound both.

use std::fmt::Write as _;

/// Between two columns.
pub(super) const GAP: i32 = 84;
/// Above the boxes, for the names of the areas.
pub(super) const TOP: i32 = 64;
/// Around all.
const EDGE: i32 = 24;
/// The height of a box with one line at each side.
pub(super) const ROW: i32 = 44;
/// Between two boxes, or lanes, of a column.
const APART: i32 = 14;
/// Between two lines at a box.
const PORT: i32 = 17;
/// The height of a lane.
const LANE: i32 = 6;
/// How far a line runs straight from a box.
const STUB: i32 = 26;
const SWEEPS: usize = 8;

/// A box to be laid.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxed {
    /// Its column.
    pub(super) column: usize,
    /// How wide it is.
    pub(super) width: i32,
}

/// A line to be laid: from one box to another, by their places.
pub(super) type Line = (usize, usize);

/// A box where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// A line as it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The path.
    pub(super) path: String,
    /// The middle of its sign.
    pub(super) sign: (i32, i32),
    /// The tip of its arrow, and whether that points to the right.
    pub(super) tip: (i32, i32, bool),
}

/// The picture.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Laid {
    pub(super) boxes: Vec<Placed>,
    pub(super) runs: Vec<Run>,
    /// Left edge and width of each column that has a box.
    pub(super) columns: Vec<(usize, i32, i32)>,
    pub(super) width: i32,
    pub(super) height: i32,
}

/// A box or a lane in a column.
#[derive(Clone, Copy, Debug)]
struct Slot {
    column: usize,
    height: i32,
    /// Its upper edge.
    y: i32,
}

impl Slot {
    const fn middle(self) -> i32 {
        self.y + self.height / 2
    }
}

/// A line between two columns side by side: slots at its left and right.
#[derive(Clone, Copy, Debug)]
struct Piece {
    left: usize,
    right: usize,
}

/// What a line is made of.
#[derive(Debug)]
enum Course {
    /// Slots from left to right; whether the line runs that way.
    Across(Vec<usize>, bool),
    /// Two boxes of one column.
    Beside(usize, usize),
}

/// Lays boxes and lines out.
pub(super) fn lay(boxes: &[Boxed], lines: &[Line]) -> Laid {
    let mut used: Vec<usize> = boxes.iter().map(|one| one.column).collect();
    used.sort_unstable();
    used.dedup();
    let nth = |column: usize| used.binary_search(&column).unwrap_or_default();
    let mut slots: Vec<Slot> = boxes.iter().map(|one| Slot { column: nth(one.column), height: ROW, y: 0 }).collect();
    let (courses, pieces) = courses(&mut slots, lines);
    let mut columns: Vec<Vec<usize>> = vec![Vec::new(); used.len()];
    for (at, slot) in slots.iter().enumerate() {
        if let Some(column) = columns.get_mut(slot.column) {
            column.push(at);
        }
    }
    order(&mut columns, &pieces, slots.len());
    let ports = Ports::of(&columns, &courses, slots.len());
    for (at, slot) in slots.iter_mut().enumerate() {
        slot.height = if at < boxes.len() { ROW.max(ports.most(at) * PORT + 10) } else { LANE };
    }
    stack(&mut slots, &columns, &pieces);
    let widths: Vec<i32> = (0..used.len())
        .map(|column| boxes.iter().filter(|one| nth(one.column) == column).map(|one| one.width).max().unwrap_or(0))
        .collect();
    drawn(boxes.len(), &used, &widths, &slots, (&courses, &ports))
}

/// Returns what each line is made of; adds a lane for each column that one passes.
fn courses(slots: &mut Vec<Slot>, lines: &[Line]) -> (Vec<Course>, Vec<Piece>) {
    let (mut all, mut pieces) = (Vec::new(), Vec::new());
    for &(from, to) in lines {
        let column = |at: usize, slots: &[Slot]| slots.get(at).map_or(0, |slot| slot.column);
        let (first, last) = (column(from, slots), column(to, slots));
        if first == last {
            all.push(Course::Beside(from, to));
            continue;
        }
        let onward = first < last;
        let (left, right) = if onward { (from, to) } else { (to, from) };
        let mut course = vec![left];
        for column in first.min(last) + 1..first.max(last) {
            course.push(slots.len());
            slots.push(Slot { column, height: LANE, y: 0 });
        }
        course.push(right);
        pieces.extend(course.windows(2).filter_map(|two| Some(Piece { left: *two.first()?, right: *two.last()? })));
        all.push(Course::Across(course, onward));
    }
    (all, pieces)
}

/// Orders the slots of each column by the middle of what they are joined to, and keeps the best order seen.
fn order(columns: &mut Vec<Vec<usize>>, pieces: &[Piece], slots: usize) {
    let mut best = (crossings(columns, pieces, slots), columns.clone());
    for sweep in 0..SWEEPS {
        let onward = sweep % 2 == 0;
        let count = columns.len();
        for step in 1..count {
            let column = if onward { step } else { count - 1 - step };
            let rank = ranks(columns, slots);
            let middle = |at: usize| {
                let beside = pieces.iter().filter_map(|piece| match onward {
                    true if piece.right == at => rank.get(piece.left),
                    false if piece.left == at => rank.get(piece.right),
                    _ => None,
                });
                let (sum, n) = beside.fold((0, 0), |(sum, n), rank| (sum + rank * 1_000, n + 1));
                (sum as usize).checked_div(n).unwrap_or_else(|| rank.get(at).map_or(0, |rank| *rank as usize * 1_000))
            };
            if let Some(column) = columns.get_mut(column) {
                let mut keyed: Vec<(usize, usize)> = column.iter().map(|&at| (middle(at), at)).collect();
                keyed.sort_by_key(|(middle, _)| *middle);
                *column = keyed.into_iter().map(|(_, at)| at).collect();
            }
        }
        let now = crossings(columns, pieces, slots);
        if now < best.0 {
            best = (now, columns.clone());
        }
    }
    *columns = best.1;
}

/// Returns where in its column each slot stands.
fn ranks(columns: &[Vec<usize>], slots: usize) -> Vec<i32> {
    let mut ranks = vec![0; slots];
    for column in columns {
        for (rank, at) in (0..).zip(column) {
            if let Some(slot) = ranks.get_mut(*at) {
                *slot = rank;
            }
        }
    }
    ranks
}

/// Returns how often lines cross.
fn crossings(columns: &[Vec<usize>], pieces: &[Piece], slots: usize) -> usize {
    let rank = ranks(columns, slots);
    let mut column_of = vec![0; slots];
    for (nth, column) in columns.iter().enumerate() {
        for at in column {
            column_of[*at] = nth;
        }
    }
    let at = |slot: usize| (column_of.get(slot).copied().unwrap_or(0), rank.get(slot).copied().unwrap_or(0));
    let ends: Vec<_> = pieces.iter().map(|piece| (at(piece.left), at(piece.right).1)).collect();
    let mut count = 0;
    for (nth, ((column, left), right)) in ends.iter().enumerate() {
        for ((other_column, other_left), other_right) in ends.iter().skip(nth + 1) {
            count += usize::from(column == other_column && (left - other_left) * (right - other_right) < 0);
        }
    }
    count
}

/// Which lines leave a slot at which side, from above: the course, and which end of it.
struct Ports {
    left: Vec<Vec<(usize, bool)>>,
    right: Vec<Vec<(usize, bool)>>,
}

impl Ports {
    fn of(columns: &[Vec<usize>], courses: &[Course], slots: usize) -> Self {
        let rank = ranks(columns, slots);
        let mut all = Self { left: vec![Vec::new(); slots], right: vec![Vec::new(); slots] };
        // What stands at the other end, the course, and which end of it this is.
        let none: Vec<Vec<(i32, usize, bool)>> = vec![Vec::new(); slots];
        let mut keyed = (none.clone(), none);
        let of = |slot: usize| rank.get(slot).copied().unwrap_or(0);
        for (nth, course) in courses.iter().enumerate() {
            match course {
                Course::Across(through, _) => {
                    if let [first, second, ..] = through.as_slice() {
                        keyed.1[*first].push((of(*second), nth, false));
                    }
                    if let [.., before, last] = through.as_slice() {
                        keyed.0[*last].push((of(*before), nth, true));
                    }
                }
                Course::Beside(from, to) => {
                    keyed.1[*from].push((of(*to), nth, false));
                    keyed.1[*to].push((of(*from), nth, true));
                }
            }
        }
        for (side, keyed) in [(&mut all.left, keyed.0), (&mut all.right, keyed.1)] {
            for (ports, mut keyed) in side.iter_mut().zip(keyed) {
                keyed.sort_unstable();
                *ports = keyed.into_iter().map(|(_, nth, end)| (nth, end)).collect();
            }
        }
        all
    }

    /// Returns how many lines there are at the fuller side of a slot.
    fn most(&self, slot: usize) -> i32 {
        let count = |side: &[Vec<(usize, bool)>]| side.get(slot).map_or(0, Vec::len);
        i32::try_from(count(&self.left).max(count(&self.right))).unwrap_or(i32::MAX / PORT - 1)
    }

    /// Returns how high a line leaves a slot.
    fn y(&self, slot: Slot, at: usize, left: bool, line: usize, end: bool) -> i32 {
        let ports = if left { &self.left } else { &self.right };
        let Some(ports) = ports.get(at) else { return slot.middle() };
        let nth = ports.iter().position(|port| *port == (line, end)).unwrap_or_default();
        let (nth, count) = (i32::try_from(nth).unwrap_or_default(), i32::try_from(ports.len()).unwrap_or(1));
        slot.middle() + nth * PORT - (count - 1) * PORT / 2
    }
}

/// Stacks the slots of each column, each as near as may be to what it is joined to.
fn stack(slots: &mut [Slot], columns: &[Vec<usize>], pieces: &[Piece]) {
    for column in columns {
        let mut y = 0;
        for &at in column {
            slots[at].y = y;
            y += slots[at].height + APART;
        }
    }
    for sweep in 0..SWEEPS {
        let onward = sweep % 2 == 0;
        for step in 0..columns.len() {
            let nth = if onward { step } else { columns.len() - 1 - step };
            let Some(column) = columns.get(nth) else { continue };
            let wish: Vec<i32> = column.iter().map(|&at| wish(slots, pieces, at, onward)).collect();
            let (mut below, mut off) = (i32::MIN / 2, 0_i64);
            for (&at, wish) in column.iter().zip(&wish) {
                slots[at].y = (*wish).max(below);
                below = slots[at].y + slots[at].height + APART;
                off += i64::from(slots[at].y - wish);
            }
            let shift = i32::try_from(off / i64::try_from(column.len().max(1)).unwrap_or(1)).unwrap_or_default();
            for &at in column {
                slots[at].y -= shift;
            }
        }
    }
    let top = slots.iter().map(|slot| slot.y).min().unwrap_or_default();
    for slot in slots {
        slot.y += TOP - top;
    }
}

/// Returns where the upper edge of a slot would stand, were it alone.
fn wish(slots: &[Slot], pieces: &[Piece], at: usize, onward: bool) -> i32 {
    let beside = pieces.iter().filter_map(|piece| match onward {
        true if piece.right == at => slots.get(piece.left),
        false if piece.left == at => slots.get(piece.right),
        _ => None,
    });
    let (sum, n) = beside.fold((0_i64, 0_i64), |(sum, n), slot| (sum + i64::from(slot.middle()), n + 1));
    let own = slots[at];
    let middle = sum.checked_div(n).and_then(|middle| i32::try_from(middle).ok());
    middle.map_or(own.y, |middle| middle - own.height / 2)
}

fn drawn(boxes: usize, used: &[usize], widths: &[i32], slots: &[Slot], (courses, ports): (&[Course], &Ports)) -> Laid {
    let mut lefts = Vec::new();
    let mut x = EDGE;
    for width in widths {
        lefts.push(x);
        x += width + GAP;
    }
    let left = |slot: Slot| lefts.get(slot.column).copied().unwrap_or_default();
    let right = |slot: Slot| left(slot) + widths.get(slot.column).copied().unwrap_or_default();
    let runs = courses.iter().enumerate().map(|(nth, course)| match course {
        Course::Beside(from, to) => {
            let (a, b) = (slots[*from], slots[*to]);
            let (ya, yb) = (ports.y(a, *from, false, nth, false), ports.y(b, *to, false, nth, true));
            let (x, out) = (right(a), right(a) + STUB);
            let bend = out + STUB;
            let path = format!("M{x} {ya}H{out}C{bend} {ya} {bend} {yb} {out} {yb}H{x}");
            Run { path, sign: (x + STUB / 2, ya), tip: (x, yb, false) }
        }
        Course::Across(through, onward) => across(nth, through, *onward, (slots, ports), (&left, &right)),
    });
    let height = slots.iter().map(|slot| slot.y + slot.height).max().unwrap_or(TOP) + EDGE;
    Laid {
        boxes: slots
            .iter()
            .take(boxes)
            .map(|slot| Placed { x: left(*slot), y: slot.y, width: right(*slot) - left(*slot), height: slot.height })
            .collect(),
        runs: runs.collect(),
        columns: used.iter().zip(lefts.iter().zip(widths)).map(|(nth, (x, width))| (*nth, *x, *width)).collect(),
        width: (x - GAP + EDGE).max(EDGE * 2),
        height,
    }
}

/// Returns a line through columns.
fn across(
    nth: usize,
    through: &[usize],
    onward: bool,
    (slots, ports): (&[Slot], &Ports),
    (left, right): (&dyn Fn(Slot) -> i32, &dyn Fn(Slot) -> i32),
) -> Run {
    let mut path = String::new();
    let last = through.len().saturating_sub(1);
    let (mut x, mut y) = (0, 0);
    let (mut start, mut end) = ((0, 0), (0, 0));
    for (step, &at) in through.iter().enumerate() {
        let slot = slots[at];
        // Writing to a string can't fail.
        if step == 0 {
            (x, y) = (right(slot), ports.y(slot, at, false, nth, false));
            start = (x, y);
            _ = write!(path, "M{x} {y}H{}", x + STUB);
            x += STUB;
            continue;
        }
        let height = if step == last { ports.y(slot, at, true, nth, true) } else { slot.middle() };
        let to = left(slot) - if step == last { STUB } else { 0 };
        let bend = (to - x) / 2;
        _ = write!(path, "C{} {y} {} {height} {to} {height}", x + bend, to - bend);
        y = height;
        x = if step == last { left(slot) } else { right(slot) };
        _ = write!(path, "H{x}");
        end = (x, y);
    }
    if onward {
        Run { path, sign: (start.0 + STUB / 2, start.1), tip: (end.0, end.1, true) }
    } else {
        Run { path, sign: (end.0 - STUB / 2, end.1), tip: (start.0, start.1, false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxes(columns: &[usize]) -> Vec<Boxed> {
        columns.iter().map(|&column| Boxed { column, width: 160 }).collect()
    }

    /// Panics where two boxes of the picture touch, or two signs, or something stands outside.
    fn sound(laid: &Laid) {
        for (nth, a) in laid.boxes.iter().enumerate() {
            assert!(a.x >= 0 && a.x + a.width <= laid.width && a.y >= TOP && a.y + a.height <= laid.height, "{a:?}");
            for b in laid.boxes.iter().skip(nth + 1) {
                let apart =
                    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
                assert!(apart, "{a:?} and {b:?}");
            }
        }
        for (nth, a) in laid.runs.iter().enumerate() {
            for b in laid.runs.iter().skip(nth + 1) {
                let far = (a.sign.0 - b.sign.0).abs() >= 15 || (a.sign.1 - b.sign.1).abs() >= 15;
                assert!(far, "the signs of {a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn a_request_is_drawn_from_left_to_right() {
        let laid = lay(&boxes(&[0, 1, 4]), &[(0, 1), (1, 2)]);
        sound(&laid);
        let [caller, gateway, function] = laid.boxes.as_slice() else { panic!("{laid:?}") };
        assert!(caller.x < gateway.x && gateway.x < function.x);
        assert_eq!((caller.y, gateway.y), (function.y, function.y), "one after another stand in one row");
        assert_eq!(laid.columns.iter().map(|(column, ..)| *column).collect::<Vec<_>>(), [0, 1, 4]);
    }

    #[test]
    fn lines_are_untangled() {
        // Two callers and two functions, given crosswise.
        let laid = lay(&boxes(&[0, 0, 1, 1]), &[(0, 3), (1, 2)]);
        sound(&laid);
        assert_eq!(laid.boxes[0].y < laid.boxes[1].y, laid.boxes[3].y < laid.boxes[2].y);
    }

    #[test]
    fn a_line_that_skips_a_column_runs_beside_its_boxes() {
        let laid = lay(&boxes(&[0, 1, 1, 1, 2]), &[(0, 1), (0, 2), (0, 3), (0, 4), (1, 4), (2, 4), (3, 4)]);
        sound(&laid);
        // Its lane is a piece of it that is level from the left to the right edge of the column passed.
        let path = &laid.runs[3].path;
        let lane: i32 = path.split(['C', 'H']).nth(2).and_then(|c| c.rsplit(' ').next()).unwrap().parse().unwrap();
        for passed in &laid.boxes[1..4] {
            assert!(lane < passed.y || lane > passed.y + passed.height, "{lane} through {passed:?}");
        }
    }

    #[test]
    fn lines_back_and_lines_within_a_column_are_drawn_too() {
        let laid = lay(&boxes(&[0, 1, 1, 2]), &[(0, 1), (1, 2), (3, 1), (1, 3)]);
        sound(&laid);
        assert!(!laid.runs[2].tip.2 && laid.runs[3].tip.2, "{laid:?}");
    }

    #[test]
    fn many_boxes_and_lines_touch_nowhere_and_the_picture_is_always_the_same() {
        let all: Vec<usize> = (0..60).map(|nth| (nth * 7) % 6).collect();
        let lines: Vec<Line> =
            (0..180).map(|nth| ((nth * 13) % 60, (nth * 29 + 7) % 60)).filter(|(a, b)| a != b).collect();
        let laid = lay(&boxes(&all), &lines);
        sound(&laid);
        assert_eq!(laid, lay(&boxes(&all), &lines));
        assert_eq!(lay(&[], &[]).boxes.len(), 0);
    }
}
