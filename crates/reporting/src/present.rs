//! How answers are written for people and for files, whoever shows them: the
//! command line and `/admin` write the same figure the same way.

pub mod cell;
pub mod column;
pub mod csv;
pub mod figure;
pub mod locale;
pub mod sparkline;
pub mod text;
