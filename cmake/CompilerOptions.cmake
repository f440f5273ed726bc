# The target softthinking_options: language, warnings, floating point and sanitizers of all our native code.

add_library(softthinking_options INTERFACE)
target_compile_features(softthinking_options INTERFACE cxx_std_20 c_std_11)
target_include_directories(softthinking_options INTERFACE ${PROJECT_SOURCE_DIR}/native/include
                                                          ${PROJECT_SOURCE_DIR}/native)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

# Contraction is off because a result must not depend on where a compiler finds a product next to a sum: kernels that want
# a fused multiply-add ask for it by name. For the same reason nothing here is fast-math. errno after sqrt is read nowhere.
if(MSVC)
  target_compile_options(softthinking_options INTERFACE /W4 /WX /permissive- /utf-8 /fp:precise)
else()
  target_compile_options(
    softthinking_options INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-Wall -Wextra -Wpedantic -Werror -ffp-contract=off
                                   -fno-math-errno>)
endif()

if(SOFTTHINKING_SANITIZE)
  target_compile_options(
    softthinking_options INTERFACE $<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=${SOFTTHINKING_SANITIZE}
                                   -fno-sanitize-recover=all -fno-omit-frame-pointer>)
  target_link_options(softthinking_options INTERFACE -fsanitize=${SOFTTHINKING_SANITIZE})
endif()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$")
  set(SOFTTHINKING_X86 1)
else()
  set(SOFTTHINKING_X86 0)
endif()
target_compile_definitions(softthinking_options INTERFACE SOFTTHINKING_X86=${SOFTTHINKING_X86})
