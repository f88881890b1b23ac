/// Classifies 8x8 handwritten digits.
///
/// # Parameters
/// | name | shape | offset | |
/// |---|---|---|---|
/// | `fc1.w` | `[64, 32]` | 0 |  |
/// | `fc1.b` | `[32]` | 2048 |  |
/// | `fc2.w` | `[32, 10]` | 2080 |  |
/// | `fc2.b` | `[10]` | 2400 |  |
///
/// # Inputs
/// | name | shape | elements | |
/// |---|---|---|---|
/// | `x` | `[batch, 64]` | f32 |  |
///
/// # Targets
/// | name | shape | elements | |
/// |---|---|---|---|
/// | `digit` | `[batch]` | i32 in 0 .. 10 |  |
///
/// # Outputs
/// | name | shape | elements | |
/// |---|---|---|---|
/// | `p` | `[batch, 10]` | f32 in 0 to 1 |  |
#[allow(dead_code, non_camel_case_types)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digits;
#[allow(unused_imports)]
pub use self::nnc_Digits::{DigitsEvaluation, DigitsOptimizer};
#[allow(warnings, unused, nonstandard_style, clippy::all, clippy::pedantic)]
mod nnc_Digits {
    use ::nnc::kernels::{self as kernels, Isa as _, Lanes as _};
    /// The numbers of the optimizer that may change between steps.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct DigitsOptimizer {
        /// `bound` of `clip_norm`.
        pub bound: f64,
        /// `beta1` of `adamw`.
        pub beta1: f64,
        /// `beta2` of `adamw`.
        pub beta2: f64,
        /// `eps` of `adamw`.
        pub eps: f64,
        /// `decay` of `adamw`.
        pub decay: f64,
        /// `beta1` of `adamw`.
        pub adamw_beta1: f64,
        /// `beta2` of `adamw`.
        pub adamw_beta2: f64,
        /// `eps` of `adamw`.
        pub adamw_eps: f64,
        /// `decay` of `adamw`.
        pub adamw_decay: f64,
    }
    impl Default for DigitsOptimizer {
        fn default() -> Self {
            DigitsOptimizer {
                bound: 1.0,
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                decay: 0.01,
                adamw_beta1: 0.9,
                adamw_beta2: 0.999,
                adamw_eps: 1e-8,
                adamw_decay: 0.0,
            }
        }
    }
    /// What `evaluate` finds.
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct DigitsEvaluation {
        /// The loss.
        pub loss: f32,
        /// The metric `hits`.
        pub hits: f32,
    }
    impl super::Digits {
        /// How many numbers all parameters are.
        pub const PARAMETER_COUNT: usize = 2410;
        /// How many numbers the state of the optimizer is.
        pub const OPTIMIZER_STATE_COUNT: usize = 4820;
        /// How many cache lines of workspace any call needs.
        pub const fn workspace(batch: usize) -> usize {
            let (a, b, c) = (
                predict_workspace(batch),
                evaluate_workspace(batch),
                gradient_workspace(batch),
            );
            let most = if a > b { a } else { b };
            if most > c { most } else { c }
        }
        /// Draws the initial parameters: the same numbers for the same seed on every machine.
        pub fn init(seed: u64, parameters: &mut [f32]) -> Result<(), kernels::Error> {
            kernels::check_length(
                "parameters",
                Self::PARAMETER_COUNT,
                parameters.len(),
            )?;
            let values = Gradient::new(parameters);
            initial_fc1_w(seed, kernels::flat_mut(values.fc1_w));
            initial_fc1_b(seed, kernels::flat_mut(values.fc1_b));
            initial_fc2_w(seed, kernels::flat_mut(values.fc2_w));
            initial_fc2_b(seed, kernels::flat_mut(values.fc2_b));
            Ok(())
        }
        /// The state of the optimizer before its first step.
        pub fn init_optimizer(
            parameters: &[f32],
            state: &mut [f32],
        ) -> Result<(), kernels::Error> {
            kernels::check_length(
                "parameters",
                Self::PARAMETER_COUNT,
                parameters.len(),
            )?;
            kernels::check_length("state", Self::OPTIMIZER_STATE_COUNT, state.len())?;
            let mut state = state;
            let mut adamw_m = kernels::take(&mut state, 2368);
            let mut adamw_v = kernels::take(&mut state, 2368);
            for (state, &parameter) in kernels::take(&mut adamw_m, 2048)
                .iter_mut()
                .zip(&parameters[0..][..2048])
            {
                *state = 0.0;
            }
            for (state, &parameter) in kernels::take(&mut adamw_m, 320)
                .iter_mut()
                .zip(&parameters[2080..][..320])
            {
                *state = 0.0;
            }
            for (state, &parameter) in kernels::take(&mut adamw_v, 2048)
                .iter_mut()
                .zip(&parameters[0..][..2048])
            {
                *state = 0.0;
            }
            for (state, &parameter) in kernels::take(&mut adamw_v, 320)
                .iter_mut()
                .zip(&parameters[2080..][..320])
            {
                *state = 0.0;
            }
            let mut adamw_m = kernels::take(&mut state, 42);
            let mut adamw_v = kernels::take(&mut state, 42);
            for (state, &parameter) in kernels::take(&mut adamw_m, 32)
                .iter_mut()
                .zip(&parameters[2048..][..32])
            {
                *state = 0.0;
            }
            for (state, &parameter) in kernels::take(&mut adamw_m, 10)
                .iter_mut()
                .zip(&parameters[2400..][..10])
            {
                *state = 0.0;
            }
            for (state, &parameter) in kernels::take(&mut adamw_v, 32)
                .iter_mut()
                .zip(&parameters[2048..][..32])
            {
                *state = 0.0;
            }
            for (state, &parameter) in kernels::take(&mut adamw_v, 10)
                .iter_mut()
                .zip(&parameters[2400..][..10])
            {
                *state = 0.0;
            }
            Ok(())
        }
        /// Writes the outputs of these inputs.
        /// The first arguments are the sizes of the call.
        pub fn predict(
            batch: usize,
            parameters: &[f32],
            x: &[f32],
            p: &mut [f32],
            workspace: &mut [kernels::Lane],
        ) -> Result<(), kernels::Error> {
            kernels::check_length(
                "parameters",
                Self::PARAMETER_COUNT,
                parameters.len(),
            )?;
            kernels::check_length("x", usize::saturating_mul(batch, 64), x.len())?;
            kernels::check_length("p", usize::saturating_mul(batch, 10), p.len())?;
            let needed = predict_workspace(batch);
            if workspace.len() < needed {
                return Err(kernels::Error::Length {
                    name: "workspace",
                    expected: needed,
                    found: workspace.len(),
                });
            }
            match kernels::Level::detect() {
                kernels::Level::Avx512(s) => {
                    predict_on(s, batch, parameters, x, p, workspace)
                }
                kernels::Level::Avx2(s) => {
                    predict_on(s, batch, parameters, x, p, workspace)
                }
                kernels::Level::Portable(s) => {
                    predict_on(s, batch, parameters, x, p, workspace)
                }
            };
            Ok(())
        }
        /// The loss and the metrics, without training.
        /// The first arguments are the sizes of the call.
        pub fn evaluate(
            batch: usize,
            parameters: &[f32],
            x: &[f32],
            digit: &[i32],
            workspace: &mut [kernels::Lane],
        ) -> Result<DigitsEvaluation, kernels::Error> {
            kernels::check_length(
                "parameters",
                Self::PARAMETER_COUNT,
                parameters.len(),
            )?;
            kernels::check_length("x", usize::saturating_mul(batch, 64), x.len())?;
            kernels::check_length("digit", batch, digit.len())?;
            kernels::check_index("digit", digit, (0) as i64, (10) as i64)?;
            let needed = evaluate_workspace(batch);
            if workspace.len() < needed {
                return Err(kernels::Error::Length {
                    name: "workspace",
                    expected: needed,
                    found: workspace.len(),
                });
            }
            let (loss, hits) = match kernels::Level::detect() {
                kernels::Level::Avx512(s) => {
                    evaluate_on(s, batch, parameters, x, digit, workspace)
                }
                kernels::Level::Avx2(s) => {
                    evaluate_on(s, batch, parameters, x, digit, workspace)
                }
                kernels::Level::Portable(s) => {
                    evaluate_on(s, batch, parameters, x, digit, workspace)
                }
            };
            Ok(DigitsEvaluation { loss, hits })
        }
        /// The loss in training; writes its gradient with respect to the parameters.
        /// The first arguments are the sizes of the call.
        pub fn gradient(
            batch: usize,
            parameters: &[f32],
            x: &[f32],
            digit: &[i32],
            gradient: &mut [f32],
            workspace: &mut [kernels::Lane],
        ) -> Result<f32, kernels::Error> {
            kernels::check_length(
                "parameters",
                Self::PARAMETER_COUNT,
                parameters.len(),
            )?;
            kernels::check_length("gradient", Self::PARAMETER_COUNT, gradient.len())?;
            kernels::check_length("x", usize::saturating_mul(batch, 64), x.len())?;
            kernels::check_length("digit", batch, digit.len())?;
            kernels::check_index("digit", digit, (0) as i64, (10) as i64)?;
            let needed = gradient_workspace(batch);
            if workspace.len() < needed {
                return Err(kernels::Error::Length {
                    name: "workspace",
                    expected: needed,
                    found: workspace.len(),
                });
            }
            Ok(
                match kernels::Level::detect() {
                    kernels::Level::Avx512(s) => {
                        gradient_on(s, batch, parameters, x, digit, gradient, workspace)
                    }
                    kernels::Level::Avx2(s) => {
                        gradient_on(s, batch, parameters, x, digit, gradient, workspace)
                    }
                    kernels::Level::Portable(s) => {
                        gradient_on(s, batch, parameters, x, digit, gradient, workspace)
                    }
                },
            )
        }
        /// Moves the parameters against a gradient; `step` counts from 1.
        pub fn update(
            optimizer: &DigitsOptimizer,
            step: u64,
            parameters: &mut [f32],
            gradient: &[f32],
            state: &mut [f32],
        ) -> Result<(), kernels::Error> {
            kernels::check_length(
                "parameters",
                Self::PARAMETER_COUNT,
                parameters.len(),
            )?;
            kernels::check_length("gradient", Self::PARAMETER_COUNT, gradient.len())?;
            kernels::check_length("state", Self::OPTIMIZER_STATE_COUNT, state.len())?;
            match kernels::Level::detect() {
                kernels::Level::Avx512(s) => {
                    update_on(s, optimizer, step, parameters, gradient, state)
                }
                kernels::Level::Avx2(s) => {
                    update_on(s, optimizer, step, parameters, gradient, state)
                }
                kernels::Level::Portable(s) => {
                    update_on(s, optimizer, step, parameters, gradient, state)
                }
            };
            Ok(())
        }
        /// One step of training: the gradient and then the update. Returns the loss before it.
        /// The first arguments are the sizes of the call.
        pub fn step(
            batch: usize,
            optimizer: &DigitsOptimizer,
            step: u64,
            parameters: &mut [f32],
            x: &[f32],
            digit: &[i32],
            gradient: &mut [f32],
            state: &mut [f32],
            workspace: &mut [kernels::Lane],
        ) -> Result<f32, kernels::Error> {
            kernels::check_length("state", Self::OPTIMIZER_STATE_COUNT, state.len())?;
            let loss = Self::gradient(batch, parameters, x, digit, gradient, workspace)?;
            Self::update(optimizer, step, parameters, gradient, state)?;
            Ok(loss)
        }
    }
    impl ::nnc::Network for super::Digits {
        type Real = f32;
        type Optimizer = DigitsOptimizer;
        type Loss = f32;
        const NAME: &'static str = "Digits";
        const PARAMETERS: &'static [::nnc::network::Tensor] = &[
            ::nnc::network::Tensor {
                name: "fc1.w",
                shape: &[64, 32],
                offset: 0,
            },
            ::nnc::network::Tensor {
                name: "fc1.b",
                shape: &[32],
                offset: 2048,
            },
            ::nnc::network::Tensor {
                name: "fc2.w",
                shape: &[32, 10],
                offset: 2080,
            },
            ::nnc::network::Tensor {
                name: "fc2.b",
                shape: &[10],
                offset: 2400,
            },
        ];
        const PARAMETER_COUNT: usize = super::Digits::PARAMETER_COUNT;
        const STATES: &'static [::nnc::network::Tensor] = &[];
        const STATE_COUNT: usize = 0;
        const OPTIMIZER_STATES: &'static [::nnc::network::Tensor] = &[
            ::nnc::network::Tensor {
                name: "adamw.m.fc1.w",
                shape: &[64, 32],
                offset: 0,
            },
            ::nnc::network::Tensor {
                name: "adamw.m.fc2.w",
                shape: &[32, 10],
                offset: 2048,
            },
            ::nnc::network::Tensor {
                name: "adamw.v.fc1.w",
                shape: &[64, 32],
                offset: 2368,
            },
            ::nnc::network::Tensor {
                name: "adamw.v.fc2.w",
                shape: &[32, 10],
                offset: 4416,
            },
            ::nnc::network::Tensor {
                name: "adamw.m.fc1.b",
                shape: &[32],
                offset: 4736,
            },
            ::nnc::network::Tensor {
                name: "adamw.m.fc2.b",
                shape: &[10],
                offset: 4768,
            },
            ::nnc::network::Tensor {
                name: "adamw.v.fc1.b",
                shape: &[32],
                offset: 4778,
            },
            ::nnc::network::Tensor {
                name: "adamw.v.fc2.b",
                shape: &[10],
                offset: 4810,
            },
        ];
        const OPTIMIZER_STATE_COUNT: usize = super::Digits::OPTIMIZER_STATE_COUNT;
        const INPUTS: &'static [::nnc::network::Port] = &[
            ::nnc::network::Port {
                name: "x",
                batched: true,
                shape: &[::nnc::network::Size::Fixed(64)],
                kind: ::nnc::network::Kind::Real,
            },
        ];
        const TARGETS: &'static [::nnc::network::Port] = &[
            ::nnc::network::Port {
                name: "digit",
                batched: true,
                shape: &[],
                kind: ::nnc::network::Kind::Index {
                    low: (0) as i64,
                    high: (10) as i64,
                },
            },
        ];
        const OUTPUTS: &'static [::nnc::network::Port] = &[
            ::nnc::network::Port {
                name: "p",
                batched: true,
                shape: &[::nnc::network::Size::Fixed(10)],
                kind: ::nnc::network::Kind::Probability,
            },
        ];
        const LOSSES: &'static [&'static str] = &["loss"];
        const METRICS: &'static [&'static str] = &["hits"];
        const SIZES: &'static [&'static str] = &["batch"];
        const FIELDS: &'static [&'static str] = &[
            "bound",
            "beta1",
            "beta2",
            "eps",
            "decay",
            "adamw_beta1",
            "adamw_beta2",
            "adamw_eps",
            "adamw_decay",
        ];
        fn port_length(
            port: &::nnc::network::Port,
            sizes: &[usize],
        ) -> Result<usize, kernels::Error> {
            let &[batch] = sizes else {
                return Err(kernels::Error::Length {
                    name: "sizes",
                    expected: 1,
                    found: sizes.len(),
                });
            };
            let length = match port.name {
                "x" => usize::saturating_mul(batch, 64),
                "digit" => batch,
                "p" => usize::saturating_mul(batch, 10),
                _ => 0,
            };
            if length == usize::MAX {
                return Err(kernels::Error::Length {
                    name: port.name,
                    expected: length,
                    found: 0,
                });
            }
            Ok(length)
        }
        fn workspace(sizes: &[usize]) -> Result<usize, kernels::Error> {
            let &[batch] = sizes else {
                return Err(kernels::Error::Length {
                    name: "sizes",
                    expected: 1,
                    found: sizes.len(),
                });
            };
            let lanes = super::Digits::workspace(batch);
            if lanes == usize::MAX {
                return Err(kernels::Error::Length {
                    name: "workspace",
                    expected: lanes,
                    found: 0,
                });
            }
            Ok(lanes)
        }
        fn init(seed: u64, parameters: &mut [f32]) -> Result<(), kernels::Error> {
            super::Digits::init(seed, parameters)
        }
        fn init_states(seed: u64, states: &mut [f32]) -> Result<(), kernels::Error> {
            kernels::check_length("states", 0, states.len())
        }
        fn init_optimizer(
            parameters: &[f32],
            state: &mut [f32],
        ) -> Result<(), kernels::Error> {
            super::Digits::init_optimizer(parameters, state)
        }
        fn predict(
            parameters: &[f32],
            states: &[f32],
            sizes: &[usize],
            inputs: &[::nnc::network::Data<'_, f32>],
            outputs: &mut [&mut [f32]],
            workspace: &mut [kernels::Lane],
        ) -> Result<(), kernels::Error> {
            let &[batch] = sizes else {
                return Err(kernels::Error::Length {
                    name: "sizes",
                    expected: 1,
                    found: sizes.len(),
                });
            };
            let &[::nnc::network::Data::Real(x)] = inputs else {
                return Err(kernels::Error::Length {
                    name: "inputs",
                    expected: 1,
                    found: inputs.len(),
                });
            };
            let found = outputs.len();
            let [p] = outputs else {
                return Err(kernels::Error::Length {
                    name: "outputs",
                    expected: 1,
                    found,
                });
            };
            super::Digits::predict(batch, parameters, x, p, workspace)
        }
        fn evaluate(
            parameters: &[f32],
            states: &[f32],
            sizes: &[usize],
            data: &[::nnc::network::Data<'_, f32>],
            metrics: &mut [f32],
            workspace: &mut [kernels::Lane],
        ) -> Result<f32, kernels::Error> {
            let &[batch] = sizes else {
                return Err(kernels::Error::Length {
                    name: "sizes",
                    expected: 1,
                    found: sizes.len(),
                });
            };
            let &[::nnc::network::Data::Real(x), ::nnc::network::Data::Index(digit)] = data
            else {
                return Err(kernels::Error::Length {
                    name: "data",
                    expected: 2,
                    found: data.len(),
                });
            };
            kernels::check_length("metrics", 1, metrics.len())?;
            let evaluation = super::Digits::evaluate(
                batch,
                parameters,
                x,
                digit,
                workspace,
            )?;
            metrics[0] = evaluation.hits;
            Ok(evaluation.loss)
        }
        fn gradient(
            parameters: &[f32],
            states: &[f32],
            draws: ::nnc::network::Draws,
            sizes: &[usize],
            data: &[::nnc::network::Data<'_, f32>],
            gradient: &mut [f32],
            next: &mut [f32],
            workspace: &mut [kernels::Lane],
        ) -> Result<f32, kernels::Error> {
            let &[batch] = sizes else {
                return Err(kernels::Error::Length {
                    name: "sizes",
                    expected: 1,
                    found: sizes.len(),
                });
            };
            let &[::nnc::network::Data::Real(x), ::nnc::network::Data::Index(digit)] = data
            else {
                return Err(kernels::Error::Length {
                    name: "data",
                    expected: 2,
                    found: data.len(),
                });
            };
            super::Digits::gradient(batch, parameters, x, digit, gradient, workspace)
        }
        fn update(
            optimizer: &DigitsOptimizer,
            step: u64,
            parameters: &mut [f32],
            gradient: &[f32],
            state: &mut [f32],
            workspace: &mut [kernels::Lane],
        ) -> Result<(), kernels::Error> {
            super::Digits::update(optimizer, step, parameters, gradient, state)
        }
        fn loss(loss: &f32, number: usize) -> Option<f32> {
            match number {
                0 => Some(*loss),
                _ => None,
            }
        }
        fn field(optimizer: &mut DigitsOptimizer, number: usize) -> Option<&mut f64> {
            match number {
                0 => Some(&mut optimizer.bound),
                1 => Some(&mut optimizer.beta1),
                2 => Some(&mut optimizer.beta2),
                3 => Some(&mut optimizer.eps),
                4 => Some(&mut optimizer.decay),
                5 => Some(&mut optimizer.adamw_beta1),
                6 => Some(&mut optimizer.adamw_beta2),
                7 => Some(&mut optimizer.adamw_eps),
                8 => Some(&mut optimizer.adamw_decay),
                _ => None,
            }
        }
    }
    const fn predict_workspace(batch: usize) -> usize {
        let mut lanes = 0usize;
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 32)));
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 10)));
        lanes = lanes.saturating_add(kernels::lanes::<f32>(batch));
        lanes
    }
    const fn evaluate_workspace(batch: usize) -> usize {
        let mut lanes = 0usize;
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 32)));
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 10)));
        lanes = lanes.saturating_add(kernels::lanes::<f32>(batch));
        lanes = lanes.saturating_add(kernels::lanes::<i32>(batch));
        lanes
    }
    const fn gradient_workspace(batch: usize) -> usize {
        let mut lanes = 0usize;
        lanes = lanes.saturating_add(kernels::panel::<f32>(10));
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 32)));
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 10)));
        lanes = lanes.saturating_add(kernels::lanes::<f32>(batch));
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 10)));
        lanes = lanes
            .saturating_add(kernels::lanes::<f32>(usize::saturating_mul(batch, 32)));
        lanes
    }
    /// The parameters by name.
    struct Parameters<'a> {
        fc1_w: &'a [[f32; 32]; 64],
        fc1_b: &'a [f32; 32],
        fc2_w: &'a [[f32; 10]; 32],
        fc2_b: &'a [f32; 10],
    }
    impl<'a> Parameters<'a> {
        fn new(mut numbers: &'a [f32]) -> Self {
            Parameters {
                fc1_w: kernels::array(kernels::take(&mut numbers, 2048)),
                fc1_b: kernels::array(kernels::take(&mut numbers, 32)),
                fc2_w: kernels::array(kernels::take(&mut numbers, 320)),
                fc2_b: kernels::array(kernels::take(&mut numbers, 10)),
            }
        }
    }
    /// The gradient by the names of the parameters.
    struct Gradient<'a> {
        fc1_w: &'a mut [[f32; 32]; 64],
        fc1_b: &'a mut [f32; 32],
        fc2_w: &'a mut [[f32; 10]; 32],
        fc2_b: &'a mut [f32; 10],
    }
    impl<'a> Gradient<'a> {
        fn new(mut numbers: &'a mut [f32]) -> Self {
            Gradient {
                fc1_w: kernels::array_mut(kernels::take(&mut numbers, 2048)),
                fc1_b: kernels::array_mut(kernels::take(&mut numbers, 32)),
                fc2_w: kernels::array_mut(kernels::take(&mut numbers, 320)),
                fc2_b: kernels::array_mut(kernels::take(&mut numbers, 10)),
            }
        }
    }
    fn predict_on<S: kernels::Isa>(
        s: S,
        batch: usize,
        parameters: &[f32],
        x: &[f32],
        p: &mut [f32],
        workspace: &mut [kernels::Lane],
    ) {
        let Parameters { fc1_w, fc1_b, fc2_w, fc2_b, .. } = Parameters::new(parameters);
        let x = kernels::rows::<f32, [f32; 64]>(x);
        let p = kernels::rows_mut::<f32, [f32; 10]>(p);
        let mut workspace = workspace;
        let relu1 = kernels::scratch::<f32, [f32; 32]>(&mut workspace, batch);
        let fc2_y = kernels::scratch::<f32, [f32; 10]>(&mut workspace, batch);
        let softmax1_y_lse = kernels::scratch::<f32, f32>(&mut workspace, batch);
        linear_relu_64x32(s, x, fc1_w, fc1_b, relu1);
        linear_32x10(s, relu1, fc2_w, fc2_b, fc2_y);
        softmax_lse_10(s, fc2_y, softmax1_y_lse);
        softmax_10(s, batch, fc2_y, softmax1_y_lse, p);
    }
    fn evaluate_on<S: kernels::Isa>(
        s: S,
        batch: usize,
        parameters: &[f32],
        x: &[f32],
        digit: &[i32],
        workspace: &mut [kernels::Lane],
    ) -> (f32, f32) {
        let Parameters { fc1_w, fc1_b, fc2_w, fc2_b, .. } = Parameters::new(parameters);
        let x = kernels::rows::<f32, [f32; 64]>(x);
        let mut workspace = workspace;
        let relu1 = kernels::scratch::<f32, [f32; 32]>(&mut workspace, batch);
        let fc2_y = kernels::scratch::<f32, [f32; 10]>(&mut workspace, batch);
        let softmax1_y_lse = kernels::scratch::<f32, f32>(&mut workspace, batch);
        let accuracy1_best = kernels::scratch::<i32, i32>(&mut workspace, batch);
        linear_relu_64x32(s, x, fc1_w, fc1_b, relu1);
        linear_32x10(s, relu1, fc2_w, fc2_b, fc2_y);
        softmax_lse_10(s, fc2_y, softmax1_y_lse);
        let loss_sum = digits_loss_sum(s, batch, fc2_y, digit, softmax1_y_lse);
        let loss = digits_loss(s, batch, loss_sum);
        accuracy_best_10(s, batch, fc2_y, softmax1_y_lse, accuracy1_best);
        let metric_hits_sum = digits_metric_hits_sum(s, batch, digit, accuracy1_best);
        let metric_hits = digits_metric_hits(s, batch, metric_hits_sum);
        (loss, metric_hits)
    }
    fn gradient_on<S: kernels::Isa>(
        s: S,
        batch: usize,
        parameters: &[f32],
        x: &[f32],
        digit: &[i32],
        gradient: &mut [f32],
        workspace: &mut [kernels::Lane],
    ) -> f32 {
        let Parameters { fc1_w, fc1_b, fc2_w, fc2_b, .. } = Parameters::new(parameters);
        let x = kernels::rows::<f32, [f32; 64]>(x);
        let Gradient {
            fc1_w: d_fc1_w,
            fc1_b: d_fc1_b,
            fc2_w: d_fc2_w,
            fc2_b: d_fc2_b,
            ..
        } = Gradient::new(gradient);
        let mut workspace = workspace;
        let panel = kernels::take(&mut workspace, kernels::panel::<f32>(10));
        let relu1 = kernels::scratch::<f32, [f32; 32]>(&mut workspace, batch);
        let fc2_y = kernels::scratch::<f32, [f32; 10]>(&mut workspace, batch);
        let softmax1_y_lse = kernels::scratch::<f32, f32>(&mut workspace, batch);
        let d_fc2_y = kernels::scratch::<f32, [f32; 10]>(&mut workspace, batch);
        let d_fc1_y = kernels::scratch::<f32, [f32; 32]>(&mut workspace, batch);
        linear_relu_64x32(s, x, fc1_w, fc1_b, relu1);
        linear_32x10(s, relu1, fc2_w, fc2_b, fc2_y);
        softmax_lse_10(s, fc2_y, softmax1_y_lse);
        let loss_sum = digits_loss_sum(s, batch, fc2_y, digit, softmax1_y_lse);
        let loss = digits_loss(s, batch, loss_sum);
        linear_d_y_10(s, batch, fc2_y, softmax1_y_lse, digit, d_fc2_y);
        linear_d_b_10(s, d_fc2_y, d_fc2_b);
        linear_d_w_32x10(s, relu1, d_fc2_y, d_fc2_w);
        relu_linear_d_y_10x32(s, fc2_w, d_fc2_y, relu1, d_fc1_y, panel);
        linear_d_b_32(s, d_fc1_y, d_fc1_b);
        linear_d_w_64x32(s, x, d_fc1_y, d_fc1_w);
        loss
    }
    /// `y[n, o] = max(sum(i) x[n, i] * w[i, o] + b[o], 0)`
    fn linear_relu_64x32<S: kernels::Isa>(
        s: S,
        x: &[[f32; 64]],
        w: &[[f32; 32]; 64],
        b: &[f32; 32],
        y: &mut [[f32; 32]],
    ) {
        kernels::nn(s, x, w, y, #[inline(always)] |z, at| (at.col(b) + z).relu());
    }
    /// `y[n, o] = sum(i) x[n, i] * w[i, o] + b[o]`
    fn linear_32x10<S: kernels::Isa>(
        s: S,
        x: &[[f32; 32]],
        w: &[[f32; 10]; 32],
        b: &[f32; 10],
        y: &mut [[f32; 10]],
    ) {
        kernels::nn(s, x, w, y, #[inline(always)] |z, at| at.col(b) + z);
    }
    /// `lse[n] = lse(j) x[n, j]`
    fn softmax_lse_10<S: kernels::Isa>(s: S, x: &[[f32; 10]], lse: &mut [f32]) {
        kernels::lse_rows(s, x, lse);
    }
    /// `y[n, i] = exp(x[n, i] - lse[n])`
    fn softmax_10<S: kernels::Isa>(
        s: S,
        batch: usize,
        x: &[[f32; 10]],
        lse: &[f32],
        y: &mut [[f32; 10]],
    ) {
        s.vectorize(
            #[inline(always)]
            || {
                for n in 0..batch {
                    for i in 0..10 {
                        y[n][i] = kernels::exp(s, x[n][i] - lse[n]);
                    }
                }
            },
        )
    }
    /// `loss_sum = sum(n) (lse[n] - y[n, digit[n]])`
    fn digits_loss_sum<S: kernels::Isa>(
        s: S,
        batch: usize,
        y: &[[f32; 10]],
        digit: &[i32],
        lse: &[f32],
    ) -> f32 {
        s.vectorize(
            #[inline(always)]
            || {
                kernels::sum_of(
                    batch,
                    #[inline(always)]
                    |n| lse[n] - y[n][digit[n] as usize],
                )
            },
        )
    }
    /// `loss = loss_sum / max(batch, 1)`
    fn digits_loss<S: kernels::Isa>(s: S, batch: usize, loss_sum: f32) -> f32 {
        s.vectorize(
            #[inline(always)]
            || { loss_sum / kernels::maximum(s, batch as f32, 1.0) },
        )
    }
    /// `best[n]: index(10) = argmax(j) exp(x[n, j] - lse[n])`
    fn accuracy_best_10<S: kernels::Isa>(
        s: S,
        batch: usize,
        x: &[[f32; 10]],
        lse: &[f32],
        best: &mut [i32],
    ) {
        s.vectorize(
            #[inline(always)]
            || {
                for n in 0..batch {
                    best[n] = {
                        let mut best_2 = -1i32;
                        let mut largest = f32::NEG_INFINITY;
                        for j in 0..10 {
                            let element = kernels::exp(s, x[n][j] - lse[n]);
                            if best_2 < 0 || element > largest
                                || (element.is_nan() && !largest.is_nan())
                            {
                                largest = element;
                                best_2 = j as isize as i32;
                            }
                        }
                        if best_2 < 0 { 0 } else { best_2 }
                    };
                }
            },
        )
    }
    /// `metric_hits_sum = sum(n where digit[n] == best[n]) 1`
    fn digits_metric_hits_sum<S: kernels::Isa>(
        s: S,
        batch: usize,
        digit: &[i32],
        best: &[i32],
    ) -> f32 {
        s.vectorize(
            #[inline(always)]
            || {
                kernels::sum_of(
                    batch,
                    #[inline(always)]
                    |n| if (digit[n] as usize) == best[n] as usize { 1.0 } else { 0.0 },
                )
            },
        )
    }
    /// `metric_hits = metric_hits_sum / max(batch, 1)`
    fn digits_metric_hits<S: kernels::Isa>(
        s: S,
        batch: usize,
        metric_hits_sum: f32,
    ) -> f32 {
        s.vectorize(
            #[inline(always)]
            || { metric_hits_sum / kernels::maximum(s, batch as f32, 1.0) },
        )
    }
    /// `d_y[n, o] = exp(y[n, o] - lse[n]) / max(batch, 1) - if o == digit[n] { 1 / max(batch, 1) } else { 0 }`
    fn linear_d_y_10<S: kernels::Isa>(
        s: S,
        batch: usize,
        y: &[[f32; 10]],
        lse: &[f32],
        digit: &[i32],
        d_y: &mut [[f32; 10]],
    ) {
        s.vectorize(
            #[inline(always)]
            || {
                for n in 0..batch {
                    for o in 0..10 {
                        d_y[n][o] = kernels::exp(s, y[n][o] - lse[n])
                            / kernels::maximum(s, batch as f32, 1.0)
                            + (if o == digit[n] as usize {
                                -1.0 / kernels::maximum(s, batch as f32, 1.0)
                            } else {
                                0.0
                            });
                    }
                }
            },
        )
    }
    /// `d_b[i] = sum(n) d_y[n, i]`
    fn linear_d_b_10<S: kernels::Isa>(s: S, d_y: &[[f32; 10]], d_b: &mut [f32; 10]) {
        kernels::sum_rows(s, d_y, d_b);
    }
    /// `d_w[i, j] = sum(n) x[n, i] * d_y[n, j]`
    fn linear_d_w_32x10<S: kernels::Isa>(
        s: S,
        x: &[[f32; 32]],
        d_y: &[[f32; 10]],
        d_w: &mut [[f32; 10]; 32],
    ) {
        kernels::tn(s, x, d_y, d_w);
    }
    /// `d_y[n, o] = if y[n, o] <= 0 { 0 } else { sum(o2) w[o, o2] * d_z[n, o2] }`
    fn relu_linear_d_y_10x32<S: kernels::Isa>(
        s: S,
        w: &[[f32; 10]; 32],
        d_z: &[[f32; 10]],
        y: &[[f32; 32]],
        d_y: &mut [[f32; 32]],
        panel: &mut [kernels::Lane],
    ) {
        kernels::nt(
            s,
            d_z,
            w,
            d_y,
            panel,
            #[inline(always)]
            |z, at| at.of(y).if_le(s.splat::<f32>(0.0), s.splat::<f32>(0.0), z),
        );
    }
    /// `d_b[i] = sum(n) d_y[n, i]`
    fn linear_d_b_32<S: kernels::Isa>(s: S, d_y: &[[f32; 32]], d_b: &mut [f32; 32]) {
        kernels::sum_rows(s, d_y, d_b);
    }
    /// `d_w[i, j] = sum(n) x[n, i] * d_y[n, j]`
    fn linear_d_w_64x32<S: kernels::Isa>(
        s: S,
        x: &[[f32; 64]],
        d_y: &[[f32; 32]],
        d_w: &mut [[f32; 32]; 64],
    ) {
        kernels::tn(s, x, d_y, d_w);
    }
    fn update_on<S: kernels::Isa>(
        s: S,
        optimizer: &DigitsOptimizer,
        step: u64,
        parameters: &mut [f32],
        gradient: &[f32],
        state: &mut [f32],
    ) {
        let total = total(s, &parameters[0..][..2410], &gradient[0..][..2410]);
        let mut state = state;
        let mut adamw_m = kernels::take(&mut state, 2368);
        let mut adamw_v = kernels::take(&mut state, 2368);
        update_parameters_1(
            s,
            optimizer,
            step as f64,
            total,
            &mut parameters[0..][..2048],
            &gradient[0..][..2048],
            kernels::take(&mut adamw_m, 2048),
            kernels::take(&mut adamw_v, 2048),
        );
        update_parameters_1(
            s,
            optimizer,
            step as f64,
            total,
            &mut parameters[2080..][..320],
            &gradient[2080..][..320],
            kernels::take(&mut adamw_m, 320),
            kernels::take(&mut adamw_v, 320),
        );
        let mut adamw_m = kernels::take(&mut state, 42);
        let mut adamw_v = kernels::take(&mut state, 42);
        update_parameters_2(
            s,
            optimizer,
            step as f64,
            &mut parameters[2048..][..32],
            &gradient[2048..][..32],
            kernels::take(&mut adamw_m, 32),
            kernels::take(&mut adamw_v, 32),
        );
        update_parameters_2(
            s,
            optimizer,
            step as f64,
            &mut parameters[2400..][..10],
            &gradient[2400..][..10],
            kernels::take(&mut adamw_m, 10),
            kernels::take(&mut adamw_v, 10),
        );
    }
    /// `adamw.lr = 0.00495 * (cos(3.141592653589793 * min((step - 1) / 2000, 1)) + 1) + 0.0001`
    /// `clip_norm.u.sum = sum(e) all.gradient[e]^2`
    /// `clip_norm.u[e] = -gradient[e] * max(-bound / (sqrt(clip_norm.u.sum) + 1e-6), -1)`
    /// `adamw.m1[e] = clip_norm.u[e] * (1 - beta1) + beta1 * adamw.m[e]`
    /// `adamw.v1[e] = beta2 * adamw.v[e] + clip_norm.u[e]^2 * (1 - beta2)`
    /// `adamw.p.next[e] = parameter[e] * (1 - adamw.lr * decay) - adamw.lr * adamw.m1[e] / ((sqrt(adamw.v1[e] / (1 - exp(step * log(beta2)))) + eps) * (1 - exp(step * log(beta1))))`
    fn update_parameters_1<S: kernels::Isa>(
        s: S,
        optimizer: &DigitsOptimizer,
        step: f64,
        clip_norm_u_sum: f32,
        parameter: &mut [f32],
        gradient: &[f32],
        adamw_m: &mut [f32],
        adamw_v: &mut [f32],
    ) {
        let adamw_lr: f64 = 0.00495
            * (kernels::cos(
                s,
                -3.141592653589793 * kernels::maximum(s, -0.0005 * (step - 1.0), -1.0),
            ) + 1.0) + 0.0001;
        let beta1 = optimizer.beta1;
        let beta2 = optimizer.beta2;
        let eps = optimizer.eps;
        let decay = optimizer.decay;
        let bound = optimizer.bound;
        let clip_norm_u_sum = clip_norm_u_sum as f64;
        let k1 = kernels::maximum(
            s,
            -bound / (kernels::sqrt(s, clip_norm_u_sum) + 1e-6),
            -1.0,
        ) as f32;
        let k2 = (1.0 - beta1) as f32;
        let k3 = beta1 as f32;
        let k4 = beta2 as f32;
        let k5 = (1.0 - beta2) as f32;
        let k6 = (adamw_lr / (1.0 - kernels::exp(s, step * kernels::ln(s, beta1))))
            as f32;
        let k7 = eps as f32;
        let k8 = (1.0 / (1.0 - kernels::exp(s, step * kernels::ln(s, beta2)))) as f32;
        let k9 = (1.0 - adamw_lr * decay) as f32;
        s.vectorize(
            #[inline(always)]
            || {
                for (((parameter_place, gradient), adamw_m_place), adamw_v_place) in parameter
                    .iter_mut()
                    .zip(gradient)
                    .zip(adamw_m.iter_mut())
                    .zip(adamw_v.iter_mut())
                {
                    let parameter = *parameter_place;
                    let gradient = *gradient;
                    let adamw_m = *adamw_m_place;
                    let adamw_v = *adamw_v_place;
                    let clip_norm_u = -gradient * k1;
                    let adamw_m1 = clip_norm_u * k2 + adamw_m * k3;
                    let adamw_v1 = adamw_v * k4 + k5 * (clip_norm_u * clip_norm_u);
                    let adamw_p_next = parameter * k9
                        - adamw_m1 * k6 / (k7 + kernels::sqrt(s, adamw_v1 * k8));
                    *adamw_m_place = adamw_m1;
                    *adamw_v_place = adamw_v1;
                    *parameter_place = adamw_p_next;
                }
            },
        )
    }
    /// `adamw.lr = 0.00495 * (cos(3.141592653589793 * min((step - 1) / 2000, 1)) + 1) + 0.0001`
    /// `adamw.m1[e] = gradient[e] * (1 - adamw_beta1) + adamw_beta1 * adamw.m[e]`
    /// `adamw.v1[e] = adamw_beta2 * adamw.v[e] + gradient[e]^2 * (1 - adamw_beta2)`
    /// `adamw.p.next[e] = parameter[e] * (1 - adamw.lr * adamw_decay) - adamw.lr * adamw.m1[e] / ((sqrt(adamw.v1[e] / (1 - exp(step * log(adamw_beta2)))) + adamw_eps) * (1 - exp(step * log(adamw_beta1))))`
    fn update_parameters_2<S: kernels::Isa>(
        s: S,
        optimizer: &DigitsOptimizer,
        step: f64,
        parameter: &mut [f32],
        gradient: &[f32],
        adamw_m: &mut [f32],
        adamw_v: &mut [f32],
    ) {
        let adamw_lr: f64 = 0.00495
            * (kernels::cos(
                s,
                -3.141592653589793 * kernels::maximum(s, -0.0005 * (step - 1.0), -1.0),
            ) + 1.0) + 0.0001;
        let adamw_beta1 = optimizer.adamw_beta1;
        let adamw_beta2 = optimizer.adamw_beta2;
        let adamw_eps = optimizer.adamw_eps;
        let adamw_decay = optimizer.adamw_decay;
        let k1 = (1.0 - adamw_beta1) as f32;
        let k2 = adamw_beta1 as f32;
        let k3 = adamw_beta2 as f32;
        let k4 = (1.0 - adamw_beta2) as f32;
        let k5 = (adamw_lr / (1.0 - kernels::exp(s, step * kernels::ln(s, adamw_beta1))))
            as f32;
        let k6 = adamw_eps as f32;
        let k7 = (1.0 / (1.0 - kernels::exp(s, step * kernels::ln(s, adamw_beta2))))
            as f32;
        let k8 = (1.0 - adamw_lr * adamw_decay) as f32;
        s.vectorize(
            #[inline(always)]
            || {
                for (((parameter_place, gradient), adamw_m_place), adamw_v_place) in parameter
                    .iter_mut()
                    .zip(gradient)
                    .zip(adamw_m.iter_mut())
                    .zip(adamw_v.iter_mut())
                {
                    let parameter = *parameter_place;
                    let gradient = *gradient;
                    let adamw_m = *adamw_m_place;
                    let adamw_v = *adamw_v_place;
                    let adamw_m1 = gradient * k1 + adamw_m * k2;
                    let adamw_v1 = adamw_v * k3 + k4 * (gradient * gradient);
                    let adamw_p_next = parameter * k8
                        - adamw_m1 * k5 / (k6 + kernels::sqrt(s, adamw_v1 * k7));
                    *adamw_m_place = adamw_m1;
                    *adamw_v_place = adamw_v1;
                    *parameter_place = adamw_p_next;
                }
            },
        )
    }
    /// `clip_norm.u.sum = sum(e) all.gradient[e]^2`
    fn total<S: kernels::Isa>(s: S, parameters: &[f32], gradient: &[f32]) -> f32 {
        s.vectorize(
            #[inline(always)]
            || kernels::sum_of(
                gradient.len(),
                #[inline(always)]
                |i| gradient[i] * gradient[i],
            ),
        )
    }
    /// The initial value of `fc1.w`: `fc1.w.draw1[i, j] / 4 - 0.125`
    fn initial_fc1_w(seed: u64, values: &mut [f32]) {
        for (index, value) in values.iter_mut().enumerate() {
            let uniform = kernels::uniform(seed, 4082993866, 0, index as u64);
            *value = (0.25 * uniform - 0.125) as f32;
        }
    }
    /// The initial value of `fc1.b`: `fc1.b.draw1[i] / 4 - 0.125`
    fn initial_fc1_b(seed: u64, values: &mut [f32]) {
        for (index, value) in values.iter_mut().enumerate() {
            let uniform = kernels::uniform(seed, 6135617, 0, index as u64);
            *value = (0.25 * uniform - 0.125) as f32;
        }
    }
    /// The initial value of `fc2.w`: `0.35355339059327373 * fc2.w.draw1[i, j] - 0.17677669529663687`
    fn initial_fc2_w(seed: u64, values: &mut [f32]) {
        for (index, value) in values.iter_mut().enumerate() {
            let uniform = kernels::uniform(seed, 2899393051, 0, index as u64);
            *value = (0.35355339059327373 * uniform - 0.17677669529663687) as f32;
        }
    }
    /// The initial value of `fc2.b`: `0.35355339059327373 * fc2.b.draw1[i] - 0.17677669529663687`
    fn initial_fc2_b(seed: u64, values: &mut [f32]) {
        for (index, value) in values.iter_mut().enumerate() {
            let uniform = kernels::uniform(seed, 2681284004, 0, index as u64);
            *value = (0.35355339059327373 * uniform - 0.17677669529663687) as f32;
        }
    }
}
