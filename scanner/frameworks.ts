/** Which frameworks a driver is built on, or what class of driver it is, by the modules and functions that it imports. */
import type { DriverFramework } from '../data/facts.ts';
import type { DriverImage } from './pe/image-facts.ts';

interface FrameworkRow {
  id: string;
  name: string;
  /** Modules of which one import is enough. */
  modules: string;
  /** Beginnings of the functions that must be among the imports; without any, every import counts. */
  functions?: string;
}

/** In the order they are shown. A row is a framework; the first row of a module that fits is not the only one. */
const FRAMEWORKS: FrameworkRow[] = [
  { id: 'kmdf', name: 'KMDF', modules: 'wdfldr.sys' },
  { id: 'minifilter', name: 'minifilter', modules: 'fltmgr.sys', functions: 'FltRegisterFilter' },
  { id: 'ndis-miniport', name: 'NDIS miniport', modules: 'ndis.sys', functions: 'NdisMRegisterMiniport' },
  { id: 'ndis-filter', name: 'NDIS filter', modules: 'ndis.sys', functions: 'NdisFRegisterFilterDriver' },
  { id: 'ndis-protocol', name: 'NDIS protocol', modules: 'ndis.sys', functions: 'NdisRegisterProtocol' },
  { id: 'ndis', name: 'NDIS', modules: 'ndis.sys' },
  { id: 'wfp', name: 'Windows Filtering Platform', modules: 'fwpkclnt.sys' },
  { id: 'wsk', name: 'Winsock Kernel', modules: 'netio.sys', functions: 'WskRegister' },
  { id: 'tdi', name: 'TDI', modules: 'tdi.sys' },
  { id: 'storport', name: 'StorPort', modules: 'storport.sys' },
  { id: 'scsiport', name: 'SCSI port', modules: 'scsiport.sys' },
  { id: 'ataport', name: 'ATA port', modules: 'ataport.sys' },
  { id: 'storage-class', name: 'storage class', modules: 'classpnp.sys' },
  { id: 'redirector', name: 'network redirector', modules: 'rdbss.sys' },
  { id: 'portcls', name: 'PortCls audio', modules: 'portcls.sys' },
  { id: 'avstream', name: 'kernel streaming', modules: 'ks.sys' },
  { id: 'stream-class', name: 'stream class', modules: 'stream.sys' },
  { id: 'gdi', name: 'GDI (win32k)', modules: 'win32k.sys win32kbase.sys win32kfull.sys' },
  { id: 'video-port', name: 'video port', modules: 'videoprt.sys' },
  { id: 'hid', name: 'HID', modules: 'hidclass.sys hidparse.sys' },
  { id: 'usb', name: 'USB', modules: 'usbd.sys' },
  { id: 'usb-host', name: 'USB host controller', modules: 'ucx01000.sys usbport.sys' },
  { id: 'usb-device', name: 'USB device controller', modules: 'ufx01000.sys udecx.sys' },
  { id: 'bluetooth', name: 'Bluetooth', modules: 'bthport.sys' },
  { id: 'spb', name: 'simple peripheral bus', modules: 'spbcx.sys' },
  { id: 'gpio', name: 'GPIO', modules: 'msgpioclx.sys' },
  { id: 'serial', name: 'serial port', modules: 'sercx.sys sercx2.sys' },
  { id: 'battery', name: 'battery class', modules: 'battc.sys' },
  { id: 'smart-card', name: 'smart card', modules: 'smclib.sys' },
  { id: '1394', name: 'IEEE 1394', modules: '1394bus.sys' },
  { id: 'vmbus', name: 'Hyper-V VMBus', modules: 'vmbkmcl.sys vmbus.sys' },
  { id: 'hypervisor', name: 'Hyper-V hypervisor', modules: 'winhv.sys winhvr.sys' },
  { id: 'wmi', name: 'WMI', modules: 'wmilib.sys' },
  { id: 'clfs', name: 'common log file system', modules: 'clfs.sys' },
  { id: 'crypto', name: 'kernel cryptography', modules: 'cng.sys ksecdd.sys' },
  { id: 'tpm', name: 'TPM', modules: 'tbs.sys' },
  { id: 'rpc', name: 'kernel RPC', modules: 'msrpc.sys' },
  { id: 'perf-counters', name: 'performance counters', modules: 'pcw.sys' },
];
/** General rows that say nothing beside a more exact one. */
const IMPLIED = new Map([['ndis', ['ndis-miniport', 'ndis-filter', 'ndis-protocol']]]);

/** The frameworks an image shows, in the order of the table above. */
export function frameworksOf(image: DriverImage): DriverFramework[] {
  const found = FRAMEWORKS.filter(({ modules, functions }) => {
    const names = new Set(modules.split(' '));
    return image.imports.some(
      ({ dll, name }) =>
        names.has(dll) && (functions === undefined || name?.replace(/^_/, '').startsWith(functions)),
    );
  });
  const ids = new Set(found.map(({ id }) => id));
  return found
    .filter(({ id }) => !IMPLIED.get(id)?.some(exact => ids.has(exact)))
    .map(({ id, name }) => ({ id, name, version: id === 'kmdf' ? kmdfVersion(image) : null }));
}

/** Longest component name of WDF_BIND_INFO that is compared. */
const KMDF_LIBRARY = 'KmdfLibrary\0';

/**
 * The KMDF version that a driver binds to: WDF_BIND_INFO begins with its own size, then the address of the text
 * "KmdfLibrary", then major and minor. Source: wdfbindinfo in Windows-Driver-Frameworks (MIT).
 */
function kmdfVersion(image: DriverImage): string | null {
  const { pointerSize } = image;
  const bindInfoSize = pointerSize === 8 ? 0x30 : 0x20;
  for (const at of image.relocations) {
    // The size is asked first: it is one read, and rules out nearly every other pointer.
    if (image.u32At(at - pointerSize) !== bindInfoSize) continue;
    const component = image.pointerAt(at);
    if (component === undefined || !isText(image, component, KMDF_LIBRARY)) continue;
    const [major, minor] = [0, 4].map(offset => image.u32At(at + pointerSize + offset));
    // Versions 1.0 to 1.33 exist; anything far off is other data.
    if (major !== undefined && minor !== undefined && major < 100 && minor < 1000) return `${major}.${minor}`;
  }
  return null;
}

function isText(image: DriverImage, rva: number, text: string): boolean {
  for (let i = 0; i < text.length; i += 2) {
    const units = text.charCodeAt(i) + (text.charCodeAt(i + 1) << 16);
    if (image.u32At(rva + i * 2) !== units) return false;
  }
  return true;
}
