# Compiles WebNN graphs at build time and embeds the artifacts in C and C++ programs.
#
#   cmake -S . -B build -DWebNNMLIR_DIR="$(webnn-config --cmakedir)"
#
#   find_package(WebNNMLIR REQUIRED)
#   webnn_add_module(NAME model SRC model.webnn TARGETS cpu)
#   target_link_libraries(program PRIVATE model)   # #include "model.h": model_create(), model_size()
#
# The artifact runs in C on IREE's own runtime, which is not part of this package.

get_filename_component(_webnn_prefix "${CMAKE_CURRENT_LIST_DIR}/../../../../../.." ABSOLUTE)
set(_webnn_hints "${_webnn_prefix}/bin" "${_webnn_prefix}/Scripts" "$ENV{VIRTUAL_ENV}/bin" "$ENV{VIRTUAL_ENV}/Scripts")
find_program(WebNNMLIR_COMPILE webnn-compile HINTS ${_webnn_hints} DOC "The compiler of WebNN graphs")
find_program(WebNNMLIR_EMBED_DATA iree-c-embed-data HINTS ${_webnn_hints} DOC "IREE's tool that turns files into C")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(WebNNMLIR
  REQUIRED_VARS WebNNMLIR_COMPILE WebNNMLIR_EMBED_DATA
  REASON_FAILURE_MESSAGE "Install the compiler: pip install \"webnn-mlir[compiler]\"")

# webnn_add_module(NAME <library> SRC <graph> [TARGETS <target>...] [FLAGS <flag>...] [C_IDENTIFIER <name>])
#
# Adds the static library <library>, whose header <library>.h declares
#     const iree_file_toc_t* <name>_create();   the artifacts, one a target, in the order of TARGETS
#     size_t <name>_size();                     how many there are
# TARGETS is cpu by itself. FLAGS go to webnn-compile. C_IDENTIFIER is the library's name by itself. The library's
# property WEBNN_ARTIFACTS lists the .vmfb files. Everything is built again when the graph, the weights that lie beside
# it or the compiler changes.
function(webnn_add_module)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;SRC;C_IDENTIFIER" "TARGETS;FLAGS")
  foreach(required NAME SRC)
    if(NOT arg_${required})
      message(FATAL_ERROR "webnn_add_module: ${required} is required")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR
      "webnn_add_module: unknown argument or missing value: ${arg_UNPARSED_ARGUMENTS} ${arg_KEYWORDS_MISSING_VALUES}")
  endif()
  if(NOT arg_TARGETS)
    set(arg_TARGETS cpu)
  endif()
  if(NOT arg_C_IDENTIFIER)
    string(MAKE_C_IDENTIFIER "${arg_NAME}" arg_C_IDENTIFIER)
  endif()
  get_filename_component(source "${arg_SRC}" ABSOLUTE)
  _webnn_weights(weights "${source}")

  # A folder of its own holds the header, so that only those who link the library see it.
  set(folder "${CMAKE_CURRENT_BINARY_DIR}/webnn/${arg_NAME}")
  file(MAKE_DIRECTORY "${folder}")
  set(artifacts)
  foreach(target IN LISTS arg_TARGETS)
    set(artifact "${folder}/${arg_NAME}_${target}.vmfb")
    list(APPEND artifacts "${artifact}")
    add_custom_command(
      OUTPUT "${artifact}"
      COMMAND "${WebNNMLIR_COMPILE}" "${source}" -o "${artifact}" --target "${target}" --weights=embed ${arg_FLAGS}
      DEPENDS "${source}" ${weights} "${WebNNMLIR_COMPILE}"
      COMMENT "Compiling ${arg_SRC} for ${target}"
      VERBATIM)
  endforeach()

  set(header "${folder}/${arg_NAME}.h")
  set(implementation "${folder}/${arg_NAME}.c")
  add_custom_command(
    OUTPUT "${header}" "${implementation}"
    COMMAND "${WebNNMLIR_EMBED_DATA}" "--output_header=${header}" "--output_impl=${implementation}"
            "--identifier=${arg_C_IDENTIFIER}" --flatten ${artifacts}
    DEPENDS ${artifacts} "${WebNNMLIR_EMBED_DATA}"
    COMMENT "Embedding ${arg_NAME}"
    VERBATIM)

  add_library(${arg_NAME} STATIC "${implementation}" "${header}")
  target_include_directories(${arg_NAME} PUBLIC "${folder}")
  set_target_properties(${arg_NAME} PROPERTIES WEBNN_ARTIFACTS "${artifacts}")
  get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
  if(NOT C IN_LIST languages)
    # A project without C compiles the file as C++, which spells the alignment its own way.
    set_source_files_properties("${implementation}" PROPERTIES LANGUAGE CXX)
    target_compile_definitions(${arg_NAME} PRIVATE "IREE_DATA_ALIGNAS_PTR=alignas(64)")
  endif()
endfunction()

# The weights files that webnn-compile looks for beside a graph. CMake configures again when one of them comes or goes.
function(_webnn_weights variable source)
  get_filename_component(folder "${source}" DIRECTORY)
  get_filename_component(stem "${source}" NAME_WLE)
  file(GLOB found CONFIGURE_DEPENDS
    "${folder}/model.safetensors" "${folder}/${stem}.safetensors"
    "${folder}/model.weights" "${folder}/${stem}.weights"
    "${folder}/manifest.json" "${folder}/${stem}.manifest.json")
  set(${variable} "${found}" PARENT_SCOPE)
endfunction()
