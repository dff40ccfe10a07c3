//! A frame with two axes, and lines in it.

use crate::report::canvas::{Anchor, Canvas, Ink};

/// Size of the letters.
pub(super) const LETTERS: i32 = 13;

/// How numbers are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) from: f64,
    pub(super) to: f64,
    /// Doublings are equally far apart.
    pub(super) doubling: bool,
}

impl Axis {
    /// Where `value` lies, 0 to 1.
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.doubling { value.max(1e-9).log2() } else { value };
        let span = scale(self.to) - scale(self.from);
        if span == 0.0 { 0.5 } else { (scale(value) - scale(self.from)) / span }
    }
}

/// A frame within a canvas.
pub(super) struct Frame {
    pub(super) left: i32,
    pub(super) right: i32,
    pub(super) top: i32,
    pub(super) bottom: i32,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    /// The pixel of a point.
    pub(super) fn at(&self, x: f64, y: f64) -> (i32, i32) {
        let across = f64::from(self.right - self.left) * self.x.place(x);
        let up = f64::from(self.bottom - self.top) * self.y.place(y);
        (self.left + across.round() as i32, self.bottom - up.round() as i32)
    }

    /// Draws grid and numbers: a vertical line at each of `xs`, a horizontal one at each of `ys`.
    pub(super) fn grid(&self, canvas: &mut Canvas, xs: &[(f64, String)], ys: &[(f64, String)], title: &str) {
        for (y, label) in ys {
            let (_, pixel) = self.at(self.x.from, *y);
            canvas.line(vec![(self.left, pixel), (self.right, pixel)], Ink::Grid, 1, 1.0);
            canvas.text((self.left - 8, pixel), label, Ink::Muted, LETTERS, Anchor::Right);
        }
        let mut taken = i32::MIN;
        for (x, label) in xs {
            let (pixel, _) = self.at(*x, self.y.from);
            canvas.line(vec![(pixel, self.bottom), (pixel, self.bottom + 4)], Ink::Muted, 1, 1.0);
            // A number that would run into the one before it is left out; its mark stays.
            let half = Canvas::text_width(label, LETTERS) / 2 + 3;
            if pixel - half > taken {
                canvas.text((pixel, self.bottom + 16), label, Ink::Muted, LETTERS, Anchor::Middle);
                taken = pixel + half;
            }
        }
        canvas.line(vec![(self.left, self.bottom), (self.right, self.bottom)], Ink::Muted, 1, 1.0);
        let middle = i32::midpoint(self.left, self.right);
        canvas.text((middle, self.bottom + 36), title, Ink::Muted, LETTERS, Anchor::Middle);
    }
}

/// Heights for labels that want to be at `wanted` (pixels), at least `apart` from each other, in the same order, within
/// `top..=bottom` as far as they fit.
pub(super) fn spread(wanted: &[i32], apart: i32, top: i32, bottom: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|index| wanted[*index]);
    let mut placed = vec![0; wanted.len()];
    let mut least = top;
    for index in &order {
        placed[*index] = wanted[*index].max(least);
        least = placed[*index] + apart;
    }
    // What went over the bottom is pushed back up.
    let mut most = bottom;
    for index in order.iter().rev() {
        placed[*index] = placed[*index].min(most);
        most = placed[*index] - apart;
    }
    placed
}

/// Round numbers from 0 to at least `most`, about `count` of them.
pub(super) fn ticks(most: f64, count: f64) -> Vec<f64> {
    let rough = (most / count).max(1e-12);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    (0..=(most / step).ceil() as i32).map(|index| f64::from(index) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ticks_are_round_and_reach() {
        assert_eq!(ticks(8.0, 4.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(1.0, 5.0).len(), 6);
        assert_eq!(ticks(0.9, 4.0), [0.0, 0.5, 1.0]);
    }

    #[test]
    fn places_run_from_0_to_1() {
        let axis = Axis { from: 1.0, to: 16.0, doubling: true };
        assert_eq!([1.0, 4.0, 16.0].map(|value| axis.place(value)), [0.0, 0.5, 1.0]);
        assert_eq!(Axis { from: 1.0, to: 1.0, doubling: true }.place(1.0), 0.5);
    }

    proptest! {
        #[test]
        fn labels_keep_apart_and_in_order(wanted in proptest::collection::vec(0..300i32, 0..8)) {
            let placed = spread(&wanted, 15, 0, 300);
            for one in 0..wanted.len() {
                prop_assert!((0..=300).contains(&placed[one]));
                for other in 0..one {
                    prop_assert!(placed[one].abs_diff(placed[other]) >= 15);
                    if wanted[one] != wanted[other] {
                        prop_assert_eq!(wanted[one] < wanted[other], placed[one] < placed[other]);
                    }
                }
            }
        }
    }
}
