//! Travel: could this entity have got from there to here in that time?
//!
//! Each event carries a place; two in a row that are `at_least` so far apart and need more than `faster_than`
//! to get from one to the other fire; what is of one moment is taken to be a second apart. An event that comes late is held against the newest as well. Places of
//! known egress are left out by the detector's `when`. Bound: one place and one record an entity.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::detection::{Flip, Signal};

use super::{Cost, Firing, Kept, Room};

/// Mean radius of the earth, km.
const RADIUS: f64 = 6_371.0;

/// What a detector asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Traveling {
    /// Fires above so many km/h.
    pub faster_than: u32,
    /// Where it is so many km or more.
    pub at_least: u32,
    /// How long a place is remembered.
    pub within: Duration,
}

/// Where one entity was last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Travel {
    last: Option<(Timestamp, u64)>,
    kept: Option<Kept>,
}

/// From one place to another, too fast.
struct Moved {
    speed: f64,
    /// How far, km.
    far: f64,
    /// When it was at the other place, and the event that says so.
    before: Timestamp,
    kept: Option<Kept>,
}

/// Returns a place as a signal's value; `None` where there is none on earth.
pub fn pack(latitude: f64, longitude: f64) -> Option<u64> {
    let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
    // Nowhere is how databases write that they do not know.
    let nowhere = latitude == 0.0 && longitude == 0.0;
    let part = |degrees: f64| u64::from((degrees as f32).to_bits());
    (on_earth && !nowhere).then(|| part(latitude) << 32 | part(longitude))
}

fn unpack(place: u64) -> (f64, f64) {
    (f64::from(f32::from_bits((place >> 32) as u32)), f64::from(f32::from_bits(place as u32)))
}

/// Returns how far two places are from each other, km.
fn distance(a: u64, b: u64) -> f64 {
    let ((lat_a, lon_a), (lat_b, lon_b)) = (unpack(a), unpack(b));
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let arc = half(lat_b - lat_a) + lat_a.to_radians().cos() * lat_b.to_radians().cos() * half(lon_b - lon_a);
    2.0 * RADIUS * arc.sqrt().min(1.0).asin()
}

impl Travel {
    /// Takes in where the entity is; returns what is too far.
    pub fn observe(&mut self, asked: Traveling, signal: &Signal, room: &Room) -> Option<Firing> {
        let moved = self.moves(asked, signal, room)?;
        let (first, last) = (moved.before.min(signal.time), moved.before.max(signal.time));
        let (kept, flips) = (moved.kept.into_iter().collect(), vec![Flip::Far(moved.far)]);
        Some(Firing { value: moved.speed, kept, flips, distinct: 2, ..Firing::of(2, first, last) })
    }

    /// Takes in where the entity is during an attack; returns its speed if it is too far again.
    pub fn further(&mut self, asked: Traveling, signal: &Signal, room: &Room) -> Option<f64> {
        self.moves(asked, signal, room).map(|moved| moved.speed)
    }

    fn moves(&mut self, asked: Traveling, signal: &Signal, room: &Room) -> Option<Moved> {
        let at = signal.time;
        let before = self.last;
        let newest = before.is_none_or(|(last, _)| last <= at);
        let kept = if newest { std::mem::replace(&mut self.kept, Kept::new(signal, room)) } else { self.kept.clone() };
        if newest {
            self.last = Some((at, signal.value));
        }
        let (last, place) = before?;
        let apart = last.max(at).since(last.min(at));
        let (far, hours) = (distance(place, signal.value), apart.as_secs_f64().max(1.0) / 3_600.0);
        let speed = far / hours;
        let too_far = apart <= asked.within && far >= f64::from(asked.at_least) && speed > f64::from(asked.faster_than);
        too_far.then_some(Moved { speed, far, before: last, kept })
    }

    /// Returns when it was there.
    pub fn newest(&self) -> Option<Timestamp> {
        self.last.map(|(at, _)| at)
    }

    /// Says where it was last.
    pub fn standing(&self, asked: Traveling) -> String {
        let Some((at, place)) = self.last else { return "it was nowhere yet".to_owned() };
        let (latitude, longitude) = unpack(place);
        format!(
            "last at {latitude:.2}, {longitude:.2} ({at}); fires {} km from there or more, faster than {} km/h",
            asked.at_least, asked.faster_than
        )
    }

    /// Returns what it takes.
    pub fn cost(&self) -> Cost {
        Cost { items: 0, bytes: self.kept.as_ref().map_or(0, Kept::bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_earth() {
        let place = |latitude, longitude| pack(latitude, longitude).unwrap();
        let (berlin, tokyo) = (place(52.52, 13.405), place(35.6762, 139.6503));
        assert!((distance(berlin, tokyo) - 8_918.0).abs() < 20.0, "{}", distance(berlin, tokyo));
        assert!(distance(place(10.0, 179.9), place(10.0, -179.9)) < 25.0, "over the date line");
        assert_eq!((pack(0.0, 0.0), pack(91.0, 0.0), pack(f64::NAN, 1.0)), (None, None, None));
    }
}
