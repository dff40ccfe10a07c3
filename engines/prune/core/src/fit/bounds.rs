//! How far each parameter may go. Leaves out what a user hears of one that went that far.

/// Rates from 1e-9 to 1e6 per unit of branch length: beyond them two rates can't be told apart by any data.
pub(super) const LOG_RATE: [f64; 2] = [-20.723_265_836_946_41, 13.815_510_557_964_274];
/// Prior probability of presence between 1e-9 and its mirror.
pub(super) const LOGIT: [f64; 2] = [-20.723_265_836_946_41, 20.723_265_836_946_41];
/// Gamma shapes from 0.02 to 200, past which categories are as good as one.
pub(super) const LOG_SHAPE: [f64; 2] = [-3.912_023_005_428_146, 5.298_317_366_548_036];
/// Tilts of the loss rate up to a factor of a million either way.
pub(super) const TILT: [f64; 2] = [-13.815_510_557_964_274, 13.815_510_557_964_274];
