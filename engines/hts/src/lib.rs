//! (to come)

pub mod variants;
