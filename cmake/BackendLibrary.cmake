# softthinking_add_backend(<name> <source>...)
# A backend, or what is built as one: the shared library softthinking_<name>, which exports the function that returns its
# table and nothing else.
function(softthinking_add_backend name)
  add_library(softthinking_${name} SHARED ${ARGN})
  add_dependencies(backends softthinking_${name})
  softthinking_backend_properties(softthinking_${name})
endfunction()

# What the library of a backend is, wherever it goes. The linker's list of exports may be another one.
function(softthinking_backend_properties target)
  target_link_libraries(${target} PRIVATE softthinking_options)
  target_compile_definitions(${target} PRIVATE ST_BUILDING_BACKEND)

  # Hidden visibility does not reach instances of the standard library's templates: the linker has to drop them, or two
  # backends in one process would share them.
  if(APPLE)
    target_link_options(${target} PRIVATE -Wl,-exported_symbol,_st_*get_api)
  elseif(UNIX)
    set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)
    if(ARGC GREATER 1)
      set(exports ${ARGV1})
    endif()
    target_link_options(${target} PRIVATE -Wl,--version-script=${exports})
    set_target_properties(${target} PROPERTIES LINK_DEPENDS ${exports})
    # The C++ runtime comes along, so that the library also loads where an older one is installed. Sanitizers need the
    # shared one, to intercept its calls, and their own symbols come from the executable.
    if(NOT SOFTTHINKING_SANITIZE)
      target_link_options(${target} PRIVATE -Wl,--no-undefined -static-libstdc++ -static-libgcc)
    endif()
  endif()
endfunction()
