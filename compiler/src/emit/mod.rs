//! Programs to Rust, top to bottom of the generated file.
//!
//! Each model is a type of its name without data, and one private module that holds everything else, so that no name of the user meets
//! one of ours: an optimizer, typed entry points, a driver for each that reads as a list of layers, and a short function for each
//! equation. Nothing of it allocates or is unsafe; all sizes but run-time ones are types.

mod body;
mod driver;
mod expression;
mod initial;
mod interface;
mod names;
mod nests;
mod network;
mod optimizer;
mod products;
mod shapes;
mod sharing;
mod standalone;
mod tensors;
#[cfg(test)]
mod tests;
mod totals;

pub use driver::run_time_sizes;

use crate::model::Model;
use crate::program::Program;
use expression::Style;
pub use expression::identifier;
pub use expression::identifier_text;
use names::Names;
use proc_macro2::TokenStream;
use quote::quote;
use std::collections::BTreeMap;

/// What numbers are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// `f32`
    #[default]
    Single,
    /// `f64`
    Double,
}

/// Where the generated code finds the kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// Under a path: `::nnc::kernels`.
    Path(String),
    /// In the file itself.
    Standalone,
}

/// How Rust is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What numbers are.
    pub precision: Precision,
    /// Where the kernels are.
    pub kernels: Kernels,
    /// The path of the crate whose trait `Network` the types implement, if they are to: `::nnc`.
    pub network: Option<String>,
    /// Whether there is an entry point for the gradients of what is not trained: frozen parameters, real inputs and targets.
    pub untrained: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            precision: Precision::Single,
            kernels: Kernels::Path("::nnc::kernels".into()),
            network: Some("::nnc".into()),
            untrained: false,
        }
    }
}

/// A model and its programs.
#[derive(Clone, Debug)]
pub struct Network {
    /// What it means.
    pub model: Model,
    /// Outputs.
    pub predict: Program,
    /// The loss and metrics.
    pub evaluate: Program,
    /// The loss and the gradient of each parameter.
    pub gradient: Program,
    /// The gradients of what is not trained, where they are asked for.
    pub untrained: Option<Program>,
    /// For each group of the optimizer that works on whole tensors.
    pub updates: Vec<Option<crate::update::Update>>,
}

/// The tokens of a file with these models.
pub fn emit(networks: &mut [Network], options: &Options) -> TokenStream {
    // Tokens of our own: those of rustc belong to the thread that a macro was called on.
    proc_macro2::fallback::force();
    networks.iter_mut().map(|network| emit_one(network, options)).collect()
}

fn emit_one(network: &mut Network, options: &Options) -> TokenStream {
    let real = identifier(if options.precision == Precision::Single { "f32" } else { "f64" });
    let constants = network.model.interface.constants.iter().cloned().collect();
    let style = Style {
        real,
        constants,
        sizes: run_time_sizes(&network.model.interface).into_iter().collect(),
        apart: options.kernels == Kernels::Standalone,
    };
    let mut functions = Functions::default();
    let interface = &network.model.interface;
    let training = Names::new(&network.gradient.equations.pool, &network.model.training.origins, &interface.name);
    let inference = Names::new(&network.predict.equations.pool, &network.model.inference.origins, &interface.name);
    let (trained, inferred) = (network.model.training.random.clone(), network.model.inference.random.clone());
    let mut drivers: Vec<TokenStream> = [
        driver::driver("predict", &mut network.predict, interface, &inferred, &[], &style, &inference, &mut functions),
        driver::driver("evaluate", &mut network.evaluate, interface, &inferred, &[], &style, &inference, &mut functions),
        driver::driver("gradient", &mut network.gradient, interface, &trained, &[], &style, &training, &mut functions),
    ]
    .into_iter()
    .collect();
    if let Some(program) = &mut network.untrained {
        let untrained = driver::untrained_idents(&network.model);
        drivers.push(driver::driver("untrained", program, interface, &trained, &untrained, &style, &training, &mut functions));
    }
    let update = optimizer::update(&network.model, &mut network.updates, &style, &mut functions);
    let initial = initial::initial(&network.model, &style);
    let interface = interface::interface(network, &style, &update, options);
    let kernels: TokenStream = match &options.kernels {
        Kernels::Path(path) => path.parse().unwrap_or_default(),
        Kernels::Standalone => quote!(super::nnc_kernels),
    };
    let name = identifier(&network.model.interface.name);
    // `nnc_kernels` is a standalone file's own
    let own = network.model.interface.name.trim_end_matches('_') == "kernels";
    let module = identifier(&format!("nnc_{}{}", network.model.interface.name, if own { "_" } else { "" }));
    let (optimizer_type, evaluation_type) = interface::types(&network.model.interface.name);
    let loss_type = interface::loss_type(&network.model.interface).map(|name| quote!(, #name));
    let docs = interface::docs(network, &style);
    let constants: Vec<_> = network.model.interface.constants.iter().map(|name| identifier(name)).collect();
    let constants = if constants.is_empty() { quote!() } else { quote!(use super::{#(#constants),*};) };
    let functions = functions.tokens();
    let update = &update.functions;
    quote! {
        #(#[doc = #docs])*
        #[allow(dead_code, non_camel_case_types)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct #name;

        #[allow(unused_imports)]
        pub use self::#module::{#evaluation_type, #optimizer_type #loss_type};

        #[allow(warnings, unused, nonstandard_style, clippy::all, clippy::pedantic)]
        mod #module {
            use #kernels::{self as kernels, Isa as _, Lanes as _};
            #constants
            #interface
            #(#drivers)*
            #functions
            #update
            #initial
        }
    }
}

/// Functions by name; equal ones are one.
#[derive(Default)]
pub struct Functions {
    by_name: BTreeMap<String, usize>,
    all: Vec<(String, String, TokenStream)>,
}

impl Functions {
    /// The name under which a function with this signature and body can be called.
    pub fn add(&mut self, wish: &str, docs: &[String], signature: &TokenStream, body: &TokenStream) -> proc_macro2::Ident {
        const TAKEN: [&str; 11] = [
            "predict_on",
            "evaluate_on",
            "gradient_on",
            "update_on",
            "untrained_on",
            "predict_workspace",
            "evaluate_workspace",
            "gradient_workspace",
            "untrained_workspace",
            "update_workspace",
            "total",
        ];
        let wish = if TAKEN.contains(&wish) { format!("{wish}_") } else { wish.to_string() };
        let text = format!("{docs:?}{signature}{body}");
        let mut name = wish.clone();
        let mut number = 1;
        while let Some(&at) = self.by_name.get(&name) {
            if self.all[at].1 == text {
                return identifier(&name);
            }
            number += 1;
            name = format!("{wish}_{number}");
        }
        let ident = identifier(&name);
        let docs = docs.iter().map(|line| format!(" `{line}`"));
        let tokens = quote!(#(#[doc = #docs])* fn #ident #signature { #body });
        self.by_name.insert(name.clone(), self.all.len());
        self.all.push((name, text, tokens));
        ident
    }
    fn tokens(&self) -> TokenStream {
        self.all.iter().map(|(_, _, tokens)| tokens.clone()).collect()
    }
}

/// The text of a file: formatted with the feature `text`, and with the kernels in a standalone file.
pub fn file(tokens: &TokenStream, options: &Options) -> String {
    let program = text(tokens);
    match &options.kernels {
        Kernels::Path(_) => program,
        Kernels::Standalone => standalone::file(&program, options.precision == Precision::Double),
    }
}

#[cfg(feature = "text")]
fn text(tokens: &TokenStream) -> String {
    match syn::parse2::<syn::File>(tokens.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(error) => panic!("generated code does not parse: {error}\n{tokens}"),
    }
}

#[cfg(not(feature = "text"))]
fn text(tokens: &TokenStream) -> String {
    tokens.to_string()
}
