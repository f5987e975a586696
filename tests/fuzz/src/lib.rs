//! What the targets share: the golden files that they hold verdicts against, mutations of JSON, and second opinions that
//! know nothing of the program.

pub mod golden;
pub mod mutate;
pub mod opinion;
