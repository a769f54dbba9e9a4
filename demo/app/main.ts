import { auth } from './auth.ts'
import { mountFaults } from './faults.ts'
import { mountItems } from './items.ts'
import { mountLog } from './log.ts'
import { mountLogin } from './login.ts'
import { mountSession } from './session.ts'

mountLog(auth)
mountSession(auth)
mountLogin(auth)
mountItems(auth)
mountFaults()
