/* Compares the embedded artifacts with the files named on the command line, in order; valid C and C++. */
#include <stdio.h>
#include <string.h>

#include "scale.h"

static int differs(const iree_file_toc_t* embedded, const char* path) {
  FILE* file = fopen(path, "rb");
  size_t at = 0;
  int byte;
  if (!file) {
    perror(path);
    return 1;
  }
  while ((byte = fgetc(file)) != EOF) {
    if (at >= embedded->size || (unsigned char)embedded->data[at] != byte) {
      fprintf(stderr, "%s: differs at byte %zu\n", path, at);
      fclose(file);
      return 1;
    }
    ++at;
  }
  fclose(file);
  if (at != embedded->size) {
    fprintf(stderr, "%s: has %zu bytes, %zu are embedded\n", path, at, embedded->size);
    return 1;
  }
  printf("%s: %zu bytes\n", embedded->name, at);
  return 0;
}

int main(int argc, char** argv) {
  const iree_file_toc_t* toc = scale_module_create();
  if ((size_t)argc - 1 != scale_module_size()) {
    fprintf(stderr, "%zu artifacts are embedded\n", scale_module_size());
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    if (differs(&toc[i - 1], argv[i])) return 1;
  }
  return 0;
}
