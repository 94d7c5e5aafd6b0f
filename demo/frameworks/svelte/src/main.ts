import 'rulrr-embed/define.js';
import { mount } from 'svelte';
import Till from './Till.svelte';

mount(Till, { target: document.querySelector('#root')! });
