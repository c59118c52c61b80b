// case: reduce of one element
module {
  func.func public @main(%arg0: tensor<1x3xf32>) -> tensor<3xf32> {
    %cst = stablehlo.constant dense<2.000000e+00> : tensor<f32>
    %0 = stablehlo.reduce(%arg0 init: %cst) applies stablehlo.add across dimensions = [0] : (tensor<1x3xf32>, tensor<f32>) -> tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<1x3xf32>) -> tensor<3xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<1x3xf32>) -> tensor<3xf32>
    %cst = stablehlo.constant dense<2.000000e+00> : tensor<3xf32>
    %1 = stablehlo.add %0, %cst : tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// case: transpose of a dot
module {
  func.func public @main(%arg0: tensor<3x2xf32>, %arg1: tensor<3x4xf32>) -> tensor<4x2xf32> {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [0] x [0] : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
    %1 = stablehlo.transpose %0, dims = [1, 0] : (tensor<2x4xf32>) -> tensor<4x2xf32>
    return %1 : tensor<4x2xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<3x2xf32>, %arg1: tensor<3x4xf32>) -> tensor<4x2xf32> {
    %0 = stablehlo.dot_general %arg1, %arg0, contracting_dims = [0] x [0] : (tensor<3x4xf32>, tensor<3x2xf32>) -> tensor<4x2xf32>
    return %0 : tensor<4x2xf32>
  }
}

// case: dot of a transpose
module {
  func.func public @main(%arg0: tensor<3x2xf32>, %arg1: tensor<3x4xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.transpose %arg0, dims = [1, 0] : (tensor<3x2xf32>) -> tensor<2x3xf32>
    %1 = stablehlo.dot_general %0, %arg1, contracting_dims = [1] x [0] : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
    return %1 : tensor<2x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<3x2xf32>, %arg1: tensor<3x4xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [0] x [0] : (tensor<3x2xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}

// case: dot in one form
module {
  func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<4x3xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1] x [1] : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<4x3xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.transpose %arg1, dims = [1, 0] : (tensor<4x3xf32>) -> tensor<3x4xf32>
    %1 = stablehlo.dot_general %arg0, %0, contracting_dims = [1] x [0] : (tensor<2x3xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
    return %1 : tensor<2x4xf32>
  }
}

// case: dot in one form
module {
  func.func public @main(%arg0: tensor<2x3x5xf32>, %arg1: tensor<3x5x4xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.dot_general %arg0, %arg1, contracting_dims = [1, 2] x [0, 1] : (tensor<2x3x5xf32>, tensor<3x5x4xf32>) -> tensor<2x4xf32>
    return %0 : tensor<2x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3x5xf32>, %arg1: tensor<3x5x4xf32>) -> tensor<2x4xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<2x3x5xf32>) -> tensor<2x15xf32>
    %1 = stablehlo.reshape %arg1 : (tensor<3x5x4xf32>) -> tensor<15x4xf32>
    %2 = stablehlo.dot_general %0, %1, contracting_dims = [1] x [0] : (tensor<2x15xf32>, tensor<15x4xf32>) -> tensor<2x4xf32>
    return %2 : tensor<2x4xf32>
  }
}

// case: dot in one form
module {
  func.func public @main(%arg0: tensor<2x7x3xf32>, %arg1: tensor<4x3x7xf32>) -> tensor<7x2x4xf32> {
    %0 = stablehlo.dot_general %arg0, %arg1, batching_dims = [1] x [2], contracting_dims = [2] x [1] : (tensor<2x7x3xf32>, tensor<4x3x7xf32>) -> tensor<7x2x4xf32>
    return %0 : tensor<7x2x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x7x3xf32>, %arg1: tensor<4x3x7xf32>) -> tensor<7x2x4xf32> {
    %0 = stablehlo.transpose %arg0, dims = [1, 0, 2] : (tensor<2x7x3xf32>) -> tensor<7x2x3xf32>
    %1 = stablehlo.transpose %arg1, dims = [2, 1, 0] : (tensor<4x3x7xf32>) -> tensor<7x3x4xf32>
    %2 = stablehlo.dot_general %0, %1, batching_dims = [0] x [0], contracting_dims = [2] x [1] : (tensor<7x2x3xf32>, tensor<7x3x4xf32>) -> tensor<7x2x4xf32>
    return %2 : tensor<7x2x4xf32>
  }
}

