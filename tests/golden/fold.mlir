// case: splats of any size
module {
  func.func public @main(%arg0: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %cst = stablehlo.constant dense<1.500000e+00> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %cst, dims = [] : (tensor<f32>) -> tensor<64x64xf32>
    %1 = stablehlo.negate %0 : tensor<64x64xf32>
    %2 = stablehlo.add %arg0, %1 : tensor<64x64xf32>
    return %2 : tensor<64x64xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %cst = stablehlo.constant dense<-1.500000e+00> : tensor<64x64xf32>
    %0 = stablehlo.add %arg0, %cst : tensor<64x64xf32>
    return %0 : tensor<64x64xf32>
  }
}

// case: small arrays
module {
  func.func public @main() -> tensor<3xi32> {
    %c = stablehlo.constant dense<[1, 2, 3]> : tensor<3xi32>
    %c_0 = stablehlo.constant dense<[4, 5, 6]> : tensor<3xi32>
    %0 = stablehlo.multiply %c, %c_0 : tensor<3xi32>
    return %0 : tensor<3xi32>
  }
}
// becomes
module {
  func.func public @main() -> tensor<3xi32> {
    %c = stablehlo.constant dense<[4, 10, 18]> : tensor<3xi32>
    return %c : tensor<3xi32>
  }
}

// case: iota is left
module {
  func.func public @main() -> tensor<4xi32> {
    %0 = stablehlo.iota dim = 0 : tensor<4xi32>
    %1 = stablehlo.negate %0 : tensor<4xi32>
    return %1 : tensor<4xi32>
  }
}
// becomes
module {
  func.func public @main() -> tensor<4xi32> {
    %0 = stablehlo.iota dim = 0 : tensor<4xi32>
    %1 = stablehlo.negate %0 : tensor<4xi32>
    return %1 : tensor<4xi32>
  }
}

