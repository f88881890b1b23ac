//! The trait `Network` for a generated type: tables, and calls of its typed functions.

use super::Network;
use super::expression::Style;
use super::optimizer::Update;
use crate::equations::Equations;
use proc_macro2::TokenStream;

/// The impl.
pub fn implementation(_network: &Network, _style: &Style, _update: &Update, _path: &str, _equations: &mut Equations) -> TokenStream {
    TokenStream::new()
}
