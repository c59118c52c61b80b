// case: reshape of nothing
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    return %arg0 : tensor<2x3xf32>
  }
}

// case: reshape of reshape
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<3x2xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<2x3xf32>) -> tensor<6xf32>
    %1 = stablehlo.reshape %0 : (tensor<6xf32>) -> tensor<3x2xf32>
    return %1 : tensor<3x2xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<3x2xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<2x3xf32>) -> tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  }
}

// case: transpose of nothing
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.transpose %arg0, dims = [0, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    return %arg0 : tensor<2x3xf32>
  }
}

// case: transpose of transpose
module {
  func.func public @main(%arg0: tensor<2x3x4xf32>) -> tensor<3x2x4xf32> {
    %0 = stablehlo.transpose %arg0, dims = [1, 2, 0] : (tensor<2x3x4xf32>) -> tensor<3x4x2xf32>
    %1 = stablehlo.transpose %0, dims = [0, 2, 1] : (tensor<3x4x2xf32>) -> tensor<3x2x4xf32>
    return %1 : tensor<3x2x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3x4xf32>) -> tensor<3x2x4xf32> {
    %0 = stablehlo.transpose %arg0, dims = [1, 0, 2] : (tensor<2x3x4xf32>) -> tensor<3x2x4xf32>
    return %0 : tensor<3x2x4xf32>
  }
}

// case: transpose of size 1
module {
  func.func public @main(%arg0: tensor<1x3x4xf32>) -> tensor<3x1x4xf32> {
    %0 = stablehlo.transpose %arg0, dims = [1, 0, 2] : (tensor<1x3x4xf32>) -> tensor<3x1x4xf32>
    return %0 : tensor<3x1x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<1x3x4xf32>) -> tensor<3x1x4xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<1x3x4xf32>) -> tensor<3x1x4xf32>
    return %0 : tensor<3x1x4xf32>
  }
}

// case: transpose of broadcast
module {
  func.func public @main(%arg0: tensor<3xf32>) -> tensor<3x2xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
    %1 = stablehlo.transpose %0, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    return %1 : tensor<3x2xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<3xf32>) -> tensor<3x2xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [0] : (tensor<3xf32>) -> tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  }
}

// case: broadcast of nothing
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [0, 1] : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    return %arg0 : tensor<2x3xf32>
  }
}

// case: broadcast that reshapes
module {
  func.func public @main(%arg0: tensor<8xf32>) -> tensor<8x1xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [0] : (tensor<8xf32>) -> tensor<8x1xf32>
    return %0 : tensor<8x1xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<8xf32>) -> tensor<8x1xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<8xf32>) -> tensor<8x1xf32>
    return %0 : tensor<8x1xf32>
  }
}

// case: broadcast that transposes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<3x2xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<3x2xf32> {
    %0 = stablehlo.transpose %arg0, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  }
}

// case: broadcast of broadcast
module {
  func.func public @main(%arg0: tensor<3xf32>) -> tensor<2x4x3xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
    %1 = stablehlo.broadcast_in_dim %0, dims = [0, 2] : (tensor<2x3xf32>) -> tensor<2x4x3xf32>
    return %1 : tensor<2x4x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<3xf32>) -> tensor<2x4x3xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [2] : (tensor<3xf32>) -> tensor<2x4x3xf32>
    return %0 : tensor<2x4x3xf32>
  }
}

// case: broadcast of reshape
module {
  func.func public @main(%arg0: tensor<8xf32>) -> tensor<8x4xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<8xf32>) -> tensor<8x1xf32>
    %1 = stablehlo.broadcast_in_dim %0, dims = [0, 1] : (tensor<8x1xf32>) -> tensor<8x4xf32>
    return %1 : tensor<8x4xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<8xf32>) -> tensor<8x4xf32> {
    %0 = stablehlo.broadcast_in_dim %arg0, dims = [0] : (tensor<8xf32>) -> tensor<8x4xf32>
    return %0 : tensor<8x4xf32>
  }
}

// case: slice of everything
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.slice %arg0 [0:2, 0:3] : (tensor<2x3xf32>) -> tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    return %arg0 : tensor<2x3xf32>
  }
}

// case: slice of slice
module {
  func.func public @main(%arg0: tensor<9xf32>) -> tensor<2xf32> {
    %0 = stablehlo.slice %arg0 [1:9:2] : (tensor<9xf32>) -> tensor<4xf32>
    %1 = stablehlo.slice %0 [1:4:2] : (tensor<4xf32>) -> tensor<2xf32>
    return %1 : tensor<2xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<9xf32>) -> tensor<2xf32> {
    %0 = stablehlo.slice %arg0 [3:8:4] : (tensor<9xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }
}

// case: concatenate of one
module {
  func.func public @main(%arg0: tensor<3xf32>) -> tensor<3xf32> {
    %0 = stablehlo.concatenate %arg0, dim = 0 : (tensor<3xf32>) -> tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<3xf32>) -> tensor<3xf32> {
    return %arg0 : tensor<3xf32>
  }
}

// case: pad with nothing
module {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<f32>) -> tensor<3xf32> {
    %0 = stablehlo.pad %arg0, %arg1, low = [0], high = [0], interior = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<f32>) -> tensor<3xf32> {
    return %arg0 : tensor<3xf32>
  }
}

// case: reverse of nothing
module {
  func.func public @main(%arg0: tensor<1x3xf32>) -> tensor<1x3xf32> {
    %0 = stablehlo.reverse %arg0, dims = [0] : tensor<1x3xf32>
    return %0 : tensor<1x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<1x3xf32>) -> tensor<1x3xf32> {
    return %arg0 : tensor<1x3xf32>
  }
}

// case: reverse of reverse
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    %0 = stablehlo.reverse %arg0, dims = [0, 1] : tensor<2x3xf32>
    %1 = stablehlo.reverse %0, dims = [1, 0] : tensor<2x3xf32>
    return %1 : tensor<2x3xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<2x3xf32>) -> tensor<2x3xf32> {
    return %arg0 : tensor<2x3xf32>
  }
}

// case: reshape moves down
module {
  func.func public @main(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>) -> tensor<8x1xf32> {
    %0 = stablehlo.reshape %arg0 : (tensor<8xf32>) -> tensor<8x1xf32>
    %1 = stablehlo.reshape %arg1 : (tensor<8xf32>) -> tensor<8x1xf32>
    %2 = stablehlo.divide %0, %1 : tensor<8x1xf32>
    return %2 : tensor<8x1xf32>
  }
}
// becomes
module {
  func.func public @main(%arg0: tensor<8xf32>, %arg1: tensor<8xf32>) -> tensor<8x1xf32> {
    %0 = stablehlo.divide %arg0, %arg1 : tensor<8xf32>
    %1 = stablehlo.reshape %0 : (tensor<8xf32>) -> tensor<8x1xf32>
    return %1 : tensor<8x1xf32>
  }
}

