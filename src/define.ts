/** Registers both elements. Loading it twice, or after another copy of the kit, changes nothing: the first definition of a tag stays. */
import './define/rulrr-connect.js';
import './define/rulrr-ereceipt-numpad.js';
