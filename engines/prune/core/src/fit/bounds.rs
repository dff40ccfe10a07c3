//! How far each parameter may go, and what a user hears of one that went that far.

use super::Fit;

/// Rates from 1e-9 to 1e6 per unit of branch length: beyond them two rates can't be told apart by any data.
pub(super) const LOG_RATE: [f64; 2] = [-20.723_265_836_946_41, 13.815_510_557_964_274];
/// Prior probability of presence between 1e-9 and its mirror.
pub(super) const LOGIT: [f64; 2] = [-20.723_265_836_946_41, 20.723_265_836_946_41];
/// Gamma shapes from 0.02 to 200, past which categories are as good as one.
pub(super) const LOG_SHAPE: [f64; 2] = [-3.912_023_005_428_146, 5.298_317_366_548_036];
/// Tilts of the loss rate up to a factor of a million either way.
pub(super) const TILT: [f64; 2] = [-13.815_510_557_964_274, 13.815_510_557_964_274];

impl Fit {
    /// A sentence for each parameter that ended at a bound.
    pub fn warnings(&self) -> Vec<String> {
        self.at_bound.iter().filter_map(|name| self.warning(name)).collect()
    }

    fn warning(&self, name: &str) -> Option<String> {
        // The bounds of each lie on either side of this middle.
        let (what, value, middle) = match name {
            "log_gain" => ("gain", self.gain, 1.0),
            "log_loss" => ("loss", self.loss, 1.0),
            "theta" => ("theta", self.theta?, 0.0),
            "root_present" => ("the root's probability of presence", self.root_present?, 0.5),
            "gamma_shape" => ("the gamma shape", self.gamma_shape?, 1.0),
            _ => return None,
        };
        let side = if value < middle { "lower" } else { "upper" };
        let function = match self.method {
            "maximum likelihood" => "likelihood",
            _ => "posterior",
        };
        Some(format!(
            "{what} ended at its {side} bound, {value:.1e}: the {function} does not fall towards it, so that these data \
             hold no estimate of it, and no standard error"
        ))
    }
}
