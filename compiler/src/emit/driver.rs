//! Entry points: parameters by name, then a list of layers.

use super::Functions;
use super::body::{self, Argument};
use super::expression::{Level, Scope, Shape, Style, fresh, identifier, identifier_text};
use super::names::Names;
use super::shapes::{array_type, element_type, shape_type};
use crate::equations::{Element, Index, Name};
use crate::model::{Draw, Interface, Model, Parameter, PortKind, Random};
use crate::program::{Call, Destination, Form, Place, Program};
use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;
use std::collections::{BTreeMap, BTreeSet};

/// The sizes that each call is given: the batch, then those of the model.
pub fn run_time_sizes(interface: &Interface) -> Vec<String> {
    let batched = interface.batched || interface.inputs.iter().chain(&interface.targets).chain(&interface.outputs).any(|port| port.batched);
    batched.then(|| crate::model::BATCH.to_string()).into_iter().chain(interface.sizes.iter().cloned()).collect()
}

/// The name of a port's slice in an entry point.
pub fn port_ident(name: &str) -> Ident {
    const TAKEN: [&str; 12] = [
        "s",
        "parameters",
        "gradient",
        "workspace",
        "panel",
        "kernels",
        "state",
        "states",
        "next",
        "seed",
        "optimizer",
        crate::model::BATCH,
    ];
    identifier(&if TAKEN.contains(&name) { format!("{name}_") } else { name.to_string() })
}

/// `&[f32]`, or `&[i32]` for indices.
pub fn port_type(style: &Style, kind: PortKind) -> TokenStream {
    let real = &style.real;
    if matches!(kind, PortKind::Index { .. }) { quote!(i32) } else { quote!(#real) }
}

/// The slices for the gradients of what is not trained: `d_x`.
pub fn untrained_idents(model: &Model) -> Vec<Ident> {
    let ports = model.interface.inputs.iter().chain(&model.interface.targets);
    let mut taken: BTreeSet<String> = ports.map(|port| port_ident(&port.name).to_string()).collect();
    taken.extend(run_time_sizes(&model.interface));
    taken.extend(model.interface.parameters.iter().map(|parameter| identifier_text(&parameter.name)));
    let mut idents = Vec::new();
    for (name, ..) in model.untrained() {
        let mut text = identifier_text(&format!("d_{name}"));
        while !taken.insert(text.clone()) {
            text.push('_');
        }
        idents.push(identifier(&text));
    }
    idents
}

/// A function that calls those of a program in order.
pub struct Driver<'a> {
    pub program: &'a mut Program,
    pub style: &'a Style,
    /// What tensors are called.
    pub idents: BTreeMap<Name, Ident>,
    /// Names that stand for something.
    pub taken: BTreeSet<String>,
}

/// The functions of a program's calls under their names: none for a copy, one for each step of a time loop.
pub type Called = Vec<Vec<(Ident, body::Function)>>;

impl<'a> Driver<'a> {
    /// What the calls are named comes first, so that no variable hides a function.
    pub fn new(
        program: &'a mut Program,
        style: &'a Style,
        names: &Names,
        functions: &mut Functions,
        mut taken: BTreeSet<String>,
    ) -> (Self, Called) {
        let mut called = Called::new();
        for call in program.calls.clone() {
            let parts: Vec<(&Call, Option<u32>)> = match &call.form {
                Form::Copy(..) | Form::Draw => Vec::new(),
                Form::TimeLoop(time) => time.steps.iter().map(|moment| (&moment.call, Some(moment.time))).collect(),
                Form::Contraction(_) | Form::ColumnSum(_) | Form::Nest(_) => vec![(&call, None)],
            };
            let mut functions_of_call = Vec::new();
            for (part, time) in parts {
                let function = body::function(&mut program.equations, style, names, part, time);
                let name = functions.add(&function.name, &function.docs, &function.signature, &function.body);
                taken.insert(name.to_string());
                functions_of_call.push((name, function));
            }
            called.push(functions_of_call);
        }
        (Driver { program, style, idents: BTreeMap::new(), taken }, called)
    }
    pub fn fresh(&mut self, wish: &str) -> Ident {
        fresh(&mut self.taken, wish)
    }
    pub fn count(&mut self, index: Index) -> TokenStream {
        Scope::new(&mut self.program.equations, self.style).count(index).tokens
    }
    fn shape(&self, name: Name) -> Shape {
        self.style.shape(&self.program.equations.pool, &self.program.equations.tensors[&name].axes)
    }
    /// A flat slice in its shape.
    pub fn shaped(&mut self, name: Name, ident: &Ident, mutable: bool) -> TokenStream {
        let shape = self.shape(name);
        let element = element_type(self.style, self.program.equations.tensors[&name].element);
        match &shape {
            Shape::Number => quote!(let #ident = #ident[0];),
            Shape::Rows { row, .. } if row.is_empty() => quote!(),
            _ => {
                let kind = match &shape {
                    Shape::Array(axes) => array_type(&mut self.program.equations, self.style, axes, &element),
                    Shape::Rows { row, .. } => array_type(&mut self.program.equations, self.style, row, &element),
                    _ => element.clone(),
                };
                let is_array = matches!(shape, Shape::Array(_));
                match (is_array, mutable) {
                    (true, false) => quote!(let #ident = kernels::array::<#element, #kind>(#ident);),
                    (true, true) => quote!(let #ident = kernels::array_mut::<#element, #kind>(#ident);),
                    (false, false) => quote!(let #ident = kernels::rows::<#element, #kind>(#ident);),
                    (false, true) => quote!(let #ident = kernels::rows_mut::<#element, #kind>(#ident);),
                }
            }
        }
    }
    /// Room in the workspace.
    fn scratch(&mut self, axes: &[Index], integer: bool, ident: &Ident) -> TokenStream {
        let real = &self.style.real;
        let element = if integer { quote!(i32) } else { quote!(#real) };
        match self.style.shape(&self.program.equations.pool, axes) {
            Shape::Rows { leading, row } => {
                let rows = self.program.equations.pool.count(&leading);
                let rows = self.count(rows);
                let kind = array_type(&mut self.program.equations, self.style, &row, &element);
                quote!(let #ident = kernels::scratch::<#element, #kind>(&mut workspace, #rows);)
            }
            _ => {
                let kind = array_type(&mut self.program.equations, self.style, axes, &element);
                quote!(let #ident = &mut kernels::scratch::<#element, #kind>(&mut workspace, 1)[0];)
            }
        }
    }
    fn view(&mut self, of: Name, name: Name) -> TokenStream {
        let (from, ident) = (self.idents[&of].clone(), self.idents[&name].clone());
        let element = element_type(self.style, self.program.equations.tensors[&name].element);
        let flat = match self.shape(of) {
            Shape::Rows { row, .. } if row.is_empty() => quote!(&*#from),
            _ => quote!(kernels::flat(#from)),
        };
        match self.shape(name) {
            Shape::Rows { row, .. } if row.is_empty() => quote!(let #ident = #flat;),
            Shape::Rows { row, .. } => {
                let kind = array_type(&mut self.program.equations, self.style, &row, &element);
                quote!(let #ident = kernels::rows::<#element, #kind>(#flat);)
            }
            shape => {
                let kind = shape_type(&mut self.program.equations, self.style, &shape, &element);
                quote!(let #ident = kernels::array::<#element, #kind>(#flat);)
            }
        }
    }
    /// The call of a function. Numbers that it returns get names.
    fn call(&mut self, name: &Ident, function: &body::Function, ports: &BTreeSet<String>, step: Option<&Ident>) -> TokenStream {
        let mut arguments = Vec::new();
        for argument in &function.arguments {
            arguments.push(match argument {
                Argument::Token => quote!(s),
                Argument::Panel => quote!(panel),
                Argument::Time => quote!(#step),
                Argument::Size(size) => {
                    let ident = identifier(self.program.equations.pool.text(*size));
                    quote!(#ident)
                }
                Argument::Tensor { name, mutable, flat } => {
                    let ident = self.idents[name].clone();
                    if *flat { self.flat(*name, &ident, *mutable) } else { quote!(#ident) }
                }
            });
        }
        let mut results = Vec::new();
        for &number in &function.returns {
            let text = self.program.equations.pool.text(number).to_string();
            let ident = self.fresh(&text);
            self.idents.insert(number, ident.clone());
            results.push(ident);
        }
        // a port may have the name of a function
        let hidden = ports.contains(&name.to_string());
        let name = if hidden { quote!(self::#name) } else { quote!(#name) };
        match &results[..] {
            [] => quote!(#name(#(#arguments),*);),
            [one] => quote!(let #one = #name(#(#arguments),*);),
            many => quote!(let (#(#many),*) = #name(#(#arguments),*);),
        }
    }
    /// A tensor filled with the numbers of this step, or one such number.
    fn draw(&mut self, random: &Random) -> TokenStream {
        let real = self.style.real.clone();
        let kernel = identifier(if random.draw == Draw::Normal { "draw_normal" } else { "draw_uniform" });
        let (stream, number) = (Literal::u32_unsuffixed(random.stream), Literal::u32_unsuffixed(random.number));
        if let Some(ident) = self.idents.get(&random.tensor).cloned() {
            let flat = self.flat(random.tensor, &ident, true);
            let to = self.fresh(&format!("{}.numbers", random.name));
            return quote! {
                let #to = &mut #flat[..];
                kernels::#kernel(seed, step, #stream, #number, #to.len(), #[inline(always)] |index, number| #to[index] = number as #real);
            };
        }
        let text = self.program.equations.pool.text(random.tensor).to_string();
        let ident = self.fresh(&text);
        self.idents.insert(random.tensor, ident.clone());
        let zero = self.style.real(0.0).tokens;
        quote! {
            let mut #ident: #real = #zero;
            kernels::#kernel(seed, step, #stream, #number, 1, |_, number| #ident = number as #real);
        }
    }
    fn flat(&self, name: Name, ident: &Ident, mutable: bool) -> TokenStream {
        match (self.shape(name), mutable) {
            (Shape::Rows { row, .. }, _) if row.is_empty() => quote!(#ident),
            (_, false) => quote!(kernels::flat(#ident)),
            (_, true) => quote!(kernels::flat_mut(#ident)),
        }
    }
    /// Room in the workspace, and the calls in order. `random` is what they draw; `hiding` are variables that may have the name of a
    /// function.
    pub fn calls(
        &mut self,
        called: &Called,
        destinations: &BTreeMap<Destination, TokenStream>,
        random: &[Random],
        hiding: &BTreeSet<String>,
    ) -> (TokenStream, TokenStream) {
        let real = self.style.real.clone();
        let mut head = TokenStream::new();
        if !self.program.slots.is_empty() || !self.program.panels.is_empty() {
            head.extend(quote!(let mut workspace = workspace;));
        }
        if !self.program.panels.is_empty() {
            let length = panel_length(self.program, self.style);
            head.extend(quote!(let panel = kernels::take(&mut workspace, #length);));
        }
        let mut owner: Vec<Option<Ident>> = vec![None; self.program.slots.len()];
        for (slot, owner) in self.program.slots.clone().into_iter().zip(&mut owner) {
            let text = self.program.equations.pool.text(slot.tensors[0]).to_string();
            let ident = self.fresh(&text);
            head.extend(self.scratch(&slot.axes, slot.integer, &ident));
            self.idents.insert(slot.tensors[0], ident.clone());
            *owner = Some(ident);
        }
        let views: BTreeMap<Name, Name> = self
            .program
            .buffers
            .iter()
            .filter_map(|(&name, place)| if let Place::View(of) = place { Some((name, *of)) } else { None })
            .collect();
        let mut body = TokenStream::new();
        let calls = self.program.calls.clone();
        for (call, called) in calls.iter().zip(called) {
            // a tensor that takes over the room of another
            for &name in &call.computes {
                if let Some(&Place::Workspace(slot)) = self.program.buffers.get(&name)
                    && !self.idents.contains_key(&name)
                    && let Some(before) = owner[slot].clone()
                {
                    let text = self.program.equations.pool.text(name).to_string();
                    let ident = self.fresh(&text);
                    body.extend(quote!(let #ident = #before;));
                    self.idents.insert(name, ident.clone());
                    owner[slot] = Some(ident);
                }
            }
            // views, where they are first read
            for name in self.program.reads(call) {
                let mut chain = Vec::new();
                let mut at = name;
                while !self.idents.contains_key(&at)
                    && let Some(&of) = views.get(&at)
                {
                    chain.push((at, of));
                    at = of;
                }
                for (view, of) in chain.into_iter().rev() {
                    let text = self.program.equations.pool.text(view).to_string();
                    let ident = self.fresh(&text);
                    self.idents.insert(view, ident);
                    body.extend(self.view(of, view));
                }
            }
            match &call.form {
                Form::Copy(from, destination) => {
                    let to = &destinations[destination];
                    let ident = self.idents[from].clone();
                    let tensor = &self.program.equations.tensors[from];
                    let integer = tensor.element != Element::Real;
                    body.extend(if tensor.axes.is_empty() {
                        if integer { quote!(#to[0] = #ident as #real;) } else { quote!(#to[0] = #ident;) }
                    } else if integer {
                        let flat = self.flat(*from, &ident, false);
                        quote!(for (to, &from) in #to.iter_mut().zip(#flat) { *to = from as #real; })
                    } else {
                        let flat = self.flat(*from, &ident, false);
                        quote!(#to.copy_from_slice(#flat);)
                    });
                }
                Form::Draw => {
                    let random = random.iter().find(|random| random.tensor == call.computes[0]);
                    body.extend(self.draw(random.expect("what is drawn has been declared")));
                }
                Form::Contraction(_) | Form::ColumnSum(_) | Form::Nest(_) => {
                    for (name, function) in called {
                        body.extend(self.call(name, function, hiding, None));
                    }
                }
                Form::TimeLoop(time) => {
                    let taken = self.taken.clone();
                    let step = self.fresh(if time.label.is_empty() { "t" } else { &time.label });
                    let mut inside = TokenStream::new();
                    for (moment, (name, function)) in time.steps.iter().zip(called) {
                        let call = self.call(name, function, hiding, Some(&step));
                        inside.extend(match moment.within {
                            Some(size) => {
                                let size = self.count(size);
                                quote!(if #step < #size { #call })
                            }
                            None => call,
                        });
                    }
                    self.taken = taken;
                    let mut sizes = time.sizes.iter().map(|&size| Scope::new(&mut self.program.equations, self.style).count(size));
                    let first = sizes.next().map(|size| size.within(Level::Sum)).unwrap_or_default();
                    let steps = sizes.fold(first, |steps, size| {
                        let size = size.tokens;
                        quote!(usize::max(#steps, #size))
                    });
                    body.extend(if time.reverse {
                        quote!(for #step in (0..#steps).rev() { #inside })
                    } else {
                        quote!(for #step in 0..#steps { #inside })
                    });
                }
            }
        }
        (head, body)
    }
}

/// What is read of what is kept, by name: tokens that take it out of the slice `from`.
fn take_kept(driver: &mut Driver<'_>, kept: &[Parameter], (kind, from): (&str, &str), is_read: &dyn Fn(Name) -> bool) -> TokenStream {
    let (mut fields, mut numbers) = (Vec::new(), TokenStream::new());
    for one in kept.iter().filter(|one| is_read(one.tensor)) {
        let field = identifier(&one.name);
        let ident = driver.fresh(&one.name);
        fields.push(if field == ident { quote!(#field) } else { quote!(#field: #ident) });
        if one.axes.is_empty() {
            numbers.extend(quote!(let #ident = *#ident;));
        }
        driver.idents.insert(one.tensor, ident);
    }
    let (kind, from) = (identifier(kind), identifier(from));
    if fields.is_empty() { TokenStream::new() } else { quote!(let #kind { #(#fields,)* .. } = #kind::new(#from); #numbers) }
}

/// Where what belongs to what is kept goes, by name: tokens that cut the slice `to`.
fn give_kept(
    driver: &mut Driver<'_>,
    kept: &[Parameter],
    (kind, to, prefix): (&str, &str, &str),
    placed: &BTreeMap<Destination, Name>,
    destination: impl Fn(usize) -> Destination,
    destinations: &mut BTreeMap<Destination, TokenStream>,
) -> TokenStream {
    let mut fields = Vec::new();
    for (number, one) in kept.iter().enumerate() {
        let field = identifier(&one.name);
        let ident = driver.fresh(&format!("{prefix}{}", one.name));
        fields.push(quote!(#field: #ident));
        let numbers = if one.axes.is_empty() { quote!(::core::slice::from_mut(#ident)) } else { quote!(kernels::flat_mut(#ident)) };
        destinations.insert(destination(number), numbers);
        if let Some(&name) = placed.get(&destination(number)) {
            driver.idents.insert(name, ident);
        }
    }
    let (kind, to) = (identifier(kind), identifier(to));
    quote!(let #kind { #(#fields,)* .. } = #kind::new(#to);)
}

/// A driver, the functions that it calls going to `functions`.
#[allow(clippy::too_many_arguments)]
pub fn driver(
    entry: &str,
    program: &mut Program,
    interface: &Interface,
    random: &[Random],
    untrained: &[Ident],
    style: &Style,
    names: &Names,
    functions: &mut Functions,
) -> TokenStream {
    let real = style.real.clone();
    let mut taken: BTreeSet<String> =
        ["s", "parameters", "gradient", "workspace", "panel", "kernels", "states", "next", "seed", "step"].map(String::from).into();
    taken.extend(style.constants.iter().cloned());
    let sizes = run_time_sizes(interface);
    taken.extend(sizes.iter().cloned());
    let (mut driver, called) = Driver::new(program, style, names, functions, taken);
    let (mut signature, mut head) = (vec![quote!(s: S)], TokenStream::new());
    for size in &sizes {
        let ident = identifier(size);
        signature.push(quote!(#ident: usize));
    }
    let needed: BTreeSet<Name> = driver.program.calls.iter().flat_map(|call| driver.program.reads(call)).collect();
    let needed: BTreeSet<Name> = needed.iter().copied().chain(needed.iter().map(|&name| driver.program.storage(name))).collect();
    let returned: Vec<Name> = driver
        .program
        .results
        .iter()
        .filter(|(_, destination)| matches!(destination, Destination::Loss(_) | Destination::Metric(_)))
        .map(|&(name, _)| name)
        .collect();
    // parameters and states by name
    let is_read = |name: Name| needed.contains(&name) || returned.contains(&name);
    signature.push(quote!(parameters: &[#real]));
    head.extend(take_kept(&mut driver, &interface.parameters, ("Parameters", "parameters"), &is_read));
    if !interface.states.is_empty() {
        signature.push(quote!(states: &[#real]));
        head.extend(take_kept(&mut driver, &interface.states, ("States", "states"), &is_read));
    }
    if !random.is_empty() {
        signature.push(quote!(seed: u64));
        signature.push(quote!(step: u64));
    }
    // what comes in, and where results go
    let ports = interface.inputs.iter().chain(interface.targets.iter().filter(|_| entry != "predict"));
    for port in ports {
        let (ident, kind) = (port_ident(&port.name), port_type(style, port.kind));
        signature.push(quote!(#ident: &[#kind]));
        if needed.contains(&port.tensor) || returned.contains(&port.tensor) {
            driver.taken.insert(ident.to_string());
            driver.idents.insert(port.tensor, ident.clone());
            head.extend(driver.shaped(port.tensor, &ident, false));
        }
    }
    let placed: BTreeMap<Destination, Name> = driver
        .program
        .buffers
        .iter()
        .filter_map(|(&name, place)| if let Place::Result(destination) = place { Some((*destination, name)) } else { None })
        .collect();
    let mut destinations: BTreeMap<Destination, TokenStream> = BTreeMap::new();
    if entry == "predict" {
        for (number, port) in interface.outputs.iter().enumerate() {
            let ident = port_ident(&port.name);
            signature.push(quote!(#ident: &mut [#real]));
            driver.taken.insert(ident.to_string());
            destinations.insert(Destination::Output(number), quote!(#ident));
            if let Some(&name) = placed.get(&Destination::Output(number)) {
                driver.idents.insert(name, ident.clone());
                head.extend(driver.shaped(name, &ident, true));
            }
        }
    }
    if entry == "gradient" && !interface.parameters.is_empty() {
        signature.push(quote!(gradient: &mut [#real]));
        let kind = ("Gradient", "gradient", "d_");
        head.extend(give_kept(&mut driver, &interface.parameters, kind, &placed, Destination::Gradient, &mut destinations));
        // what is not trained has no gradient
        for (destination, numbers) in &destinations {
            if !driver.program.results.iter().any(|(_, asked)| asked == destination) {
                let zero = style.real(0.0).tokens;
                head.extend(quote!(#numbers.fill(#zero);));
            }
        }
    } else if entry == "gradient" {
        signature.push(quote!(gradient: &mut [#real]));
    }
    if entry == "gradient" && !interface.states.is_empty() {
        signature.push(quote!(next: &mut [#real]));
        let kind = ("Next", "next", "next_");
        head.extend(give_kept(&mut driver, &interface.states, kind, &placed, Destination::State, &mut destinations));
    }
    for (number, ident) in untrained.iter().enumerate() {
        signature.push(quote!(#ident: &mut [#real]));
        driver.taken.insert(ident.to_string());
        destinations.insert(Destination::Untrained(number), quote!(#ident));
        if let Some(&name) = placed.get(&Destination::Untrained(number)) {
            driver.idents.insert(name, ident.clone());
            head.extend(driver.shaped(name, ident, true));
        }
    }
    signature.push(quote!(workspace: &mut [kernels::Lane]));
    let ports: BTreeSet<String> = interface
        .inputs
        .iter()
        .chain(&interface.targets)
        .chain(&interface.outputs)
        .map(|port| port_ident(&port.name).to_string())
        .chain(sizes.iter().map(|size| identifier(size).to_string()))
        .collect();
    let (room, body) = driver.calls(&called, &destinations, random, &ports);
    head.extend(room);
    let results: Vec<TokenStream> = returned
        .iter()
        .map(|name| {
            let ident = driver.idents.get(name).cloned().unwrap_or_else(|| identifier("unknown"));
            let integer = driver.program.equations.tensors[name].element != Element::Real;
            if integer { quote!(#ident as #real) } else { quote!(#ident) }
        })
        .collect();
    let returns = match results.len() {
        0 => quote!(),
        1 => quote!(-> #real),
        count => {
            let kinds = vec![real.clone(); count];
            quote!(-> (#(#kinds),*))
        }
    };
    let results = if results.len() > 1 { quote!((#(#results),*)) } else { quote!(#(#results)*) };
    let entry = identifier(&format!("{entry}_on"));
    quote!(fn #entry<S: kernels::Isa>(#(#signature),*) #returns { #head #body #results })
}

/// Cache lines for the longest panel.
pub fn panel_length(program: &mut Program, style: &Style) -> TokenStream {
    let real = &style.real;
    let known: Option<i64> = program
        .panels
        .iter()
        .map(|&size| program.equations.pool.constant_of(size))
        .collect::<Option<Vec<_>>>()
        .and_then(|all| all.into_iter().max());
    match known {
        Some(longest) => {
            let longest = Literal::i64_unsuffixed(longest);
            quote!(kernels::panel::<#real>(#longest))
        }
        None => {
            // Which is the longest is not known: room for all of them at once.
            let mut sizes = program.panels.clone();
            sizes.sort_unstable();
            sizes.dedup();
            let sizes: Vec<TokenStream> =
                sizes.into_iter().map(|size| Scope::new(&mut program.equations, style).count(size).within(Level::Sum)).collect();
            quote!(kernels::panel::<#real>(#(#sizes)+*))
        }
    }
}
