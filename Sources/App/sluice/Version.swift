/// The product's version, as `sluice --version` prints it.
let productVersion = "0.1.0"
