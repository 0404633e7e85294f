/*
 * A Vulkan driver that hands every call on to another one, REAL, and reports a PCI address with bus number BUS, which drivers in software
 * lack: so there are cards of one model that only their places tell apart. Names and layouts are those of vulkan_core.h.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

#define PCI_BUS_INFO 1000212000
#define EXPORTED __attribute__((visibility("default")))

typedef void (*Call)(void);
typedef struct Chain { uint32_t type; struct Chain *next; } Chain;
typedef struct { Chain header; uint32_t domain, bus, device, function; } PciBusInfo;
typedef struct { char name[256]; uint32_t version; } Extension;

static void (*real_properties)(void *device, Chain *properties);
static int (*real_extensions)(void *device, const char *layer, uint32_t *count, Extension *extensions);

static void *real(const char *name) {
  static void *driver;
  if (!driver) driver = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
  return driver ? dlsym(driver, name) : 0;
}

static void properties(void *device, Chain *all) {
  real_properties(device, all);
  for (Chain *one = all; one; one = one->next)
    if (one->type == PCI_BUS_INFO) {
      PciBusInfo *info = (PciBusInfo *)one;
      info->domain = info->device = info->function = 0;
      info->bus = BUS;
    }
}

static int extensions(void *device, const char *layer, uint32_t *count, Extension *into) {
  uint32_t known = 0;
  real_extensions(device, layer, &known, 0);
  if (into && *count > known) {
    real_extensions(device, layer, &known, into);
    strcpy(into[known].name, "VK_EXT_pci_bus_info");
    into[known].version = 2;
  } else if (into) return real_extensions(device, layer, count, into);
  *count = known + 1;
  return 0;
}

static Call replaced(const char *name, Call call) {
  if (call && !strncmp(name, "vkGetPhysicalDeviceProperties2", 30)) {
    real_properties = (void *)call;
    return (Call)properties;
  }
  if (call && !strcmp(name, "vkEnumerateDeviceExtensionProperties")) {
    real_extensions = (void *)call;
    return (Call)extensions;
  }
  return call;
}

EXPORTED int vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
  int (*negotiate)(uint32_t *) = real("vk_icdNegotiateLoaderICDInterfaceVersion");
  return negotiate(version);
}

EXPORTED Call vk_icdGetInstanceProcAddr(void *instance, const char *name) {
  Call (*get)(void *, const char *) = real("vk_icdGetInstanceProcAddr");
  return replaced(name, get(instance, name));
}

EXPORTED Call vk_icdGetPhysicalDeviceProcAddr(void *instance, const char *name) {
  Call (*get)(void *, const char *) = real("vk_icdGetPhysicalDeviceProcAddr");
  return get ? replaced(name, get(instance, name)) : 0;
}
