//! Two-state (absent/present) gain and loss likelihood over a phylogeny, one value a gene family.
//!
//! [`session`] goes from files to files; below it every part stands alone: [`newick`] and [`tree`], [`matrix`] and
//! [`states`] (names matched), [`model`] (rates, transitions, categories), [`kernel`] (the ways to compute it, chosen
//! by a [`plan`]), [`likelihood`] (categories, ascertainment, gradients), [`fit`], [`retention`], [`posterior`]
//! (ancestral states, gains and losses), [`simulate`].
//!
//! Plain Rust: nothing here knows of plugins or writes JSON. Long calls take a [`monitor::Monitor`], which may watch
//! and stop them. Results don't depend on the number of workers, nor on how the work is cut.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use scaletune_prune_core::kernel::evaluator::{Evaluator, Rating, Workers};
//! use scaletune_prune_core::model::{Rates, RootPrior};
//! use scaletune_prune_core::monitor::Unwatched;
//! use scaletune_prune_core::newick::{MissingLengths, parse};
//! use scaletune_prune_core::plan::Plan;
//! use scaletune_prune_core::states::{State, TipStates};
//!
//! let tree = parse("((a:0.1,b:0.2):0.3,c:0.4);", Path::new("example"), MissingLengths::Refuse)?;
//! let mut states = TipStates::absent(vec!["family".to_owned()], tree.tip_count());
//! states.set(0, 0, State::Present);
//! let plan = Plan::default();
//! let workers = Arc::new(Workers::new(plan.workers)?);
//! let evaluator = Evaluator::new(Arc::new(tree), Arc::new(states), None, plan, workers)?;
//! let rates = Rating::Same(Rates::new(0.5, 1.5)?);
//! let values = evaluator.log_likelihoods(rates, RootPrior::Stationary, &Unwatched)?;
//! assert!((values[0] - -2.891503185).abs() < 1e-9);
//! # Ok::<(), scaletune_prune_core::error::Error>(())
//! ```

#![deny(unsafe_code)]

pub mod bits;
pub mod error;
pub mod fit;
pub mod kernel;
pub mod likelihood;
pub mod matrix;
pub mod model;
pub mod monitor;
pub mod naming;
pub mod newick;
pub mod plan;
pub mod posterior;
pub mod retention;
pub mod session;
pub mod simulate;
mod source;
pub mod states;
pub mod tree;
